import ArgumentParser
import CBench
import Glibc

@main
struct Pgload: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pgload",
    abstract: "Closed-loop load for PostgreSQL and its poolers, with trust logins.",
    discussion: """
      Every client has one transaction under way and no think time. In mode idle it prints a line \
      once all clients are logged in, and holds them until a line or the end of standard input, \
      or for --seconds.
      """)

  @Option(help: "An IPv4 address.") var host = "127.0.0.1"
  @Option(help: "A TCP port.") var port: UInt16 = 6432
  @Option(help: "A Unix socket's path, instead of host and port.") var unix: String?
  @Option var user = "bench"
  @Option var database = "bench"
  @Option(help: "How many connections.") var clients = 32
  @Option(help: "What the clients do: \(Mode.allCases.map(\.rawValue).joined(separator: ", ")).")
  var mode = Mode.simple
  @Option(help: "The query's text.") var query: String?
  @Option(help: "How long to measure (default 5; in mode idle 600).") var seconds: Double?
  @Option(help: "How many transactions to run, instead of a time.") var transactions: Int?
  @Option(help: "Seconds to run before what is measured.") var warmup = 0.0
  @Option(help: "How many logins may be under way at once.") var loginConcurrency = 64
  @Option(help: "Seconds for all logins together.") var loginTimeout = 120.0
  @Option(help: "A process whose CPU time during the measured part is reported.")
  var watchPid: Int32?
  @Flag(help: "In mode idle: run the query once on every connection.") var touch = false
  @Flag(help: "Print one JSON object.") var json = false

  func validate() throws {
    guard clients > 0 && clients <= 100_000 else {
      throw ValidationError("--clients is 1 to 100000.")
    }
    guard loginConcurrency > 0 else { throw ValidationError("--login-concurrency is 1 or more.") }
    guard (transactions ?? 1) > 0 && (seconds ?? 1) > 0 else {
      throw ValidationError("--seconds and --transactions are greater than 0.")
    }
    if transactions != nil && warmup > 0 {
      throw ValidationError("--warmup goes with --seconds only.")
    }
  }

  func run() throws {
    cb_ignore_sigpipe()
    let files = cb_raise_open_files(UInt64(clients) + 64)
    guard files >= UInt64(clients) + 8 else {
      fail("the limit of open files, \(files), is too low for \(clients) clients")
      throw ExitCode.failure
    }
    let load = Load(plan: plan)
    do {
      try measure(load)
    } catch let error as LoadError {
      fail(error.description)
      throw ExitCode.failure
    }
  }

  private var plan: Plan {
    Plan(
      address: unix.map { .unix(path: $0) } ?? .tcp(host: host, port: port),
      user: user, database: database,
      script: Script(mode: mode, query: query ?? mode.defaultQuery, touches: touch),
      clientCount: clients,
      length: transactions.map { .transactions($0) } ?? .seconds(seconds ?? 5),
      warmupSeconds: warmup, loginConcurrency: loginConcurrency,
      loginTimeoutSeconds: loginTimeout, watchedProcess: watchPid)
  }

  private func measure(_ load: Load) throws {
    let start = cb_now_nanoseconds()
    try load.login()
    let loginSeconds = Double(cb_now_nanoseconds() - start) / 1e9
    if mode == .idle {
      print("{\"ready\": \(clients), \"loginSeconds\": \(loginSeconds)}")
      fflush(nil)
      load.hold(seconds: seconds ?? 600)
      load.closeAll()
      if load.counts.errors > 0 {
        throw LoadError("\(load.counts.errors) idle clients: \(load.counts.firstError ?? "lost")")
      }
      return
    }
    let measurement = try load.measure()
    load.closeAll()
    let report = measurement.report(mode: mode, plan: load.plan, loginSeconds: loginSeconds)
    print(json ? report.json : report.lines)
    if report.transactions == 0 {
      throw LoadError("no transaction succeeded: \(report.firstError ?? "none ended in time")")
    }
  }

  private func fail(_ text: String) { cb_complain("pgload: \(text)") }
}

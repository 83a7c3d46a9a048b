import ArgumentParser
import CBench

@main
struct Fakebackend: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fakebackend",
    abstract: "Plays PostgreSQL for closed-loop load, without PostgreSQL's cost.",
    discussion: """
      Listens on 127.0.0.1, trusts every login, answers SELECT (always one row), BEGIN, COMMIT, \
      ROLLBACK, SET, RESET, DISCARD ALL, the empty query and \
      `COPY anything TO STDOUT 256MB`, by the simple and the extended protocol.
      """)

  @Argument(help: "The port on 127.0.0.1.")
  var port: UInt16

  mutating func run() throws {
    cb_ignore_sigpipe()
    _ = cb_raise_open_files(20_000)
    let server: Server
    do {
      server = try Server(port: port)
    } catch {
      cb_complain("fakebackend: \(error)")
      throw ExitCode.failure
    }
    server.run()
  }
}

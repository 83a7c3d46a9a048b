import Glibc
import Logging
import Testing

@testable import Logs

/// A folder that is removed with the test.
private final class Folder {
  let path: String
  init() {
    var template = Array("/tmp/sluice-log-XXXXXX".utf8CString)
    path = String(cString: mkdtemp(&template))
  }
  deinit {
    for name in ["log", "old", "socket"] { unlink("\(path)/\(name)") }
    rmdir(path)
  }
  func file(_ name: String) -> String { "\(path)/\(name)" }
  func read(_ name: String) -> String {
    guard let stream = fopen(file(name), "r") else { return "" }
    defer { fclose(stream) }
    var bytes = [UInt8](repeating: 0, count: 4_000_000)
    let count = fread(&bytes, 1, bytes.count, stream)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}

struct LogOutputTests {
  private static func logger(_ output: LogOutput) -> Logger {
    Logger(label: "test") { _ in LineLogHandler(output: output) }
  }

  private static func configuration(
    path: String = "", isJSON: Bool = false, syslog: LogOutput.Syslog? = nil
  ) -> LogOutput.Configuration {
    var configuration = LogOutput.Configuration()
    (configuration.path, configuration.isJSON, configuration.syslog) = (path, isJSON, syslog)
    return configuration
  }

  @Test func `a file that was renamed is left, and one that can't be opened changes nothing`() {
    let folder = Folder()
    let output = LogOutput(terminal: nil, state: LogState())
    let logger = Self.logger(output)
    #expect(output.configure(Self.configuration(path: folder.file("log"))))
    logger.info("first")
    rename(folder.file("log"), folder.file("old"))
    logger.info("second")
    #expect(output.configure(Self.configuration(path: folder.file("log"))))
    logger.info("third")
    #expect(!output.configure(Self.configuration(path: folder.file("none/log"))))
    logger.info("fourth")
    #expect(output.configure(Self.configuration()))
    logger.info("fifth")
    let old = folder.read("old")
    let new = folder.read("log")
    #expect(old.contains("first") && old.contains("second") && !old.contains("third"))
    #expect(new.contains("third") && new.contains("fourth") && !new.contains("fifth"))
  }

  @Test func `a reader that does not read holds nobody up, and hears what was lost`() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer {
      close(ends[0])
      close(ends[1])
    }
    let state = LogState()
    let output = LogOutput(terminal: ends[1], state: state)
    let logger = Self.logger(output)
    let text = String(repeating: "x", count: 1000)
    let lines = 2000
    for number in 0..<lines { logger.info("line \(number) \(text)") }
    #expect(state.lost.count > 0)
    #expect(
      output.flush() == [
        "log: standard error takes no lines (\(Self.again)): some are kept, more are lost"
      ])
    #expect(output.flush() == [], "it is said once")

    var heard = ""
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var told: [String] = []
    for _ in 0..<200 where told.isEmpty {
      let count = Glibc.read(ends[0], &buffer, buffer.count)
      heard += String(decoding: buffer[..<max(0, count)], as: UTF8.self)
      told = output.flush()
    }
    #expect(told == ["log: standard error takes lines again; \(state.lost.count) are lost"])
    logger.info("the end")
    let count = Glibc.read(ends[0], &buffer, buffer.count)
    heard += String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    let got = heard.split(separator: "\n")
    #expect(got.last?.hasSuffix("the end") == true)
    #expect(got.count == lines - state.lost.count + 1)
    #expect(got.dropLast().allSatisfy { $0.hasSuffix(text) }, "no line is cut")
    for (number, line) in got.dropLast().enumerated() {
      guard line.contains(" line \(number) ") else {
        Issue.record("\(number): \(line.prefix(80))")
        return
      }
    }
  }

  private static let again = String(cString: strerror(EAGAIN))

  @Test func `a device that is full loses lines, which are counted`() {
    let state = LogState()
    let output = LogOutput(terminal: nil, state: state)
    #expect(output.configure(Self.configuration(path: "/dev/full")))
    let logger = Self.logger(output)
    logger.info("to be kept")
    let words = String(cString: strerror(ENOSPC))
    #expect(
      output.flush() == ["log: logfile takes no lines (\(words)): some are kept, more are lost"])
    let text = String(repeating: "x", count: 3000)
    for _ in 0..<200 { logger.info("\(text)") }
    #expect(state.lost.count > 100 && state.lost.count < 200)
    // Another file gets what was kept.
    let folder = Folder()
    #expect(output.configure(Self.configuration(path: folder.file("log"))))
    let kept = folder.read("log").split(separator: "\n")
    #expect(kept.first?.hasSuffix("LOG to be kept") == true)
    #expect(kept.count == 201 - state.lost.count)
    #expect(output.flush() == ["log: logfile takes lines again; \(state.lost.count) are lost"])
  }

  @Test func `lines are counted by level, and the last problems kept within bounds`() throws {
    let state = LogState()
    let output = LogOutput(terminal: nil, state: state)
    let logger = Self.logger(output)
    for number in 0..<120 { logger.warning("w\(number)\n\(String(repeating: "y", count: 9000))") }
    logger.error("e")
    logger.info("i")
    logger.notice("n")
    logger.critical("c")
    let counts = Dictionary(uniqueKeysWithValues: state.lineCounts.map { ($0.level, $0.lines) })
    #expect(
      counts == ["trace": 0, "debug": 0, "info": 2, "warning": 120, "error": 1, "critical": 1])
    let problems = state.problems.all
    #expect(problems.count == RecentProblems.limit)
    #expect(problems.map(\.level).prefix(3) == ["critical", "error", "warning"])
    #expect(problems[2].text.hasPrefix(#"w119\xayyy"#))
    #expect(problems.last?.text.hasPrefix("w72\\xa") == true)
    #expect(problems.allSatisfy { $0.text.utf8.count <= RecentProblems.longestText + 3 })
    #expect(abs(problems[0].time - Double(time(nil))) < 60)
  }
}

/// With a socket of datagrams in the logger's place.
struct SyslogTests {
  private static func receiver(_ path: String) -> Int32 {
    let fd = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    #expect(result == 0)
    return fd
  }

  private static func next(_ fd: Int32) -> String? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(fd, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
  }

  @Test func `lines go to the logger as syslog(3) sends them, whatever becomes of it`() throws {
    let folder = Folder()
    let path = folder.file("socket")
    var socket = Self.receiver(path)
    defer { close(socket) }
    let output = LogOutput(terminal: nil, state: LogState())
    let logger = Logger(label: "test") { _ in LineLogHandler(output: output) }
    var configuration = LogOutput.Configuration()
    var syslog = LogOutput.Syslog(facility: 17 << 3, ident: "po\noler")
    syslog.socketPath = path
    configuration.syslog = syslog
    #expect(output.configure(configuration))
    logger.warning("one\nline")
    let first = try #require(Self.next(socket))
    let pattern = /<140>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d po\\xaoler\[(\d+)\]: one\\xaline/
    #expect(try pattern.wholeMatch(in: first)?.output.1 == "\(getpid())", "\(first)")

    // More than the logger's queue takes: it does not wait, and loses none of a few.
    for number in 0..<1000 { logger.info("n\(number)") }
    var heard: [String] = []
    for _ in 0..<3000 where heard.count < 1000 {
      if let text = Self.next(socket) { heard.append(text) } else { _ = output.flush() }
    }
    #expect(heard.count == 1000)
    for (number, text) in heard.enumerated() { #expect(text.hasSuffix(": n\(number)")) }

    // The logger is started anew.
    close(socket)
    unlink(path)
    logger.info("while it is away")
    socket = Self.receiver(path)
    for _ in 0..<40 where heard.count == 1000 {
      _ = output.flush()
      if let text = Self.next(socket) { heard.append(text) } else { usleep(100_000) }
    }
    #expect(heard.last?.hasSuffix(": while it is away") == true)

    configuration.isJSON = true
    #expect(output.configure(configuration))
    logger.info("as JSON")
    #expect(Self.next(socket)?.contains("]: {\"time\":\"") == true)
    configuration.syslog = nil
    #expect(output.configure(configuration))
    logger.info("not to it")
    #expect(Self.next(socket) == nil)
  }
}

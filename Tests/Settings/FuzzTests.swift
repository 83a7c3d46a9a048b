import Glibc
import TestSupport
import Testing

@testable import Settings

/// Readers must answer to anything: no trap, and every error with a line. The seeds are fixed, so a
/// failure repeats.
struct FuzzTests {
  private static let fragments = [
    "[pgbouncer]", "[databases]", "[users]", "[", "]", "=", " = ", "\n", "\r\n", "\t", "'", "''",
    "\"", "\"\"", "\\", ";", "#", "%include ", "%", "host", "host=x", "port=1", "pool_size",
    "listen_port", "password", "a.b", "*", "-1", "0x", "1e9999", "9223372036854775808", "nan",
    "\u{0}", "é", "e\u{301}", "\u{FEFF}", ",", "{", "}", "\"\"\"", "'''", "[databases.a]\n",
    "[[a]]",
    "env", "SCRAM-SHA-256$", "true", "2024-01-01", "\\u0000", ".", "_", " ",
  ]

  /// `FUZZ_FACTOR=100` in the environment runs a hundred times as many rounds, and
  /// `FUZZ_TRACE=path` keeps the input of the moment there, for a library that aborts.
  private static let factor = getenv("FUZZ_FACTOR").flatMap { Int(String(cString: $0)) } ?? 1

  /// The parts of TOML that the example does not have.
  private static let oddities = """
    a.b.c = 0x1F
    a.b."d.e" = -1_000.5e-3
    a.'f' = { x.y = [1, 2, [3, "4"]], z = { }, w = inf }
    long = \"""
    text \\
      over \"" lines \\u00e9\"""
    raw = '''
    a''b'''
    [a.g]
    b = 0b101
    o = 0o17
    [a.g.h]
    n = +nan
    [databases]
    x = { host = "y", password = { env = "HOME" } }
    [databases.z]
    """

  private static let types: [SettingType] = [
    .text, .secret, .list, .flag, .integer(0...10), .fileMode, .seconds, .milliseconds, .choice([]),
  ]

  private static func input(_ generator: inout SeededGenerator) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<Int.random(in: 0..<40, using: &generator) {
      if Int.random(in: 0..<12, using: &generator) == 0 {
        bytes.append(UInt8.random(in: 0...255, using: &generator))
      } else {
        bytes += Array(fragments.randomElement(using: &generator)!.utf8)
      }
    }
    return bytes
  }

  /// Valid text with a few bytes changed gets further than noise does.
  private static func mutated(_ text: String, _ generator: inout SeededGenerator) -> [UInt8] {
    var bytes = Array(text.utf8)
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let position = Int.random(in: 0..<bytes.count, using: &generator)
      switch Int.random(in: 0..<3, using: &generator) {
      case 0: bytes[position] = UInt8.random(in: 0...255, using: &generator)
      case 1: bytes.remove(at: position)
      default:
        bytes.insert(contentsOf: fragments.randomElement(using: &generator)!.utf8, at: position)
      }
    }
    return bytes
  }

  @Test(arguments: 1...8)
  func `the ini reader answers to anything`(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<300 * Self.factor {
      let bytes =
        round.isMultiple(of: 2)
        ? Self.input(&generator) : Self.mutated(IniReaderTests.production, &generator)
      var reader = IniReader()
      reader.read(bytes: bytes, file: "f")
      var assembler = SettingsAssembler(format: .pgbouncer, file: "f", environment: [:])
      assembler.assemble(reader.result)
      #expect(assembler.diagnostics.allSatisfy { $0.line != nil })
    }
  }

  @Test func `the seeds of the fuzz are well-formed`() {
    for text in [Self.oddities, TomlReaderTests.example] {
      #expect(!toml(text).texts.contains { $0.contains("not TOML") })
    }
  }

  @Test(arguments: 1...8)
  func `the native reader answers to anything`(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<150 * Self.factor {
      let bytes =
        round.isMultiple(of: 2)
        ? round.isMultiple(of: 6)
          ? Self.input(&generator) : Self.mutated(Self.oddities, &generator)
        : Self.mutated(TomlReaderTests.example, &generator)
      if let trace = getenv("FUZZ_TRACE") { write(bytes, to: String(cString: trace) + "\(seed)") }
      var reader = TomlReader(file: "f")
      reader.read(bytes: bytes)
      var assembler = SettingsAssembler(format: .native, file: "f", environment: [:])
      assembler.assemble(reader.result)
      #expect(assembler.diagnostics.allSatisfy { $0.line != nil })
    }
  }

  @Test(arguments: 1...8)
  func `the user list and connection strings answer to anything`(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<500 * Self.factor {
      let bytes = Self.input(&generator)
      #expect(UserList.parse(bytes, file: "f").diagnostics.allSatisfy { $0.line != nil })
      let text = String(decoding: bytes, as: UTF8.self)
      _ = try? ConnectionString.parse(text)
      _ = Spelling.nearest(to: text, among: ["pool_size", "host"])
      for type in Self.types { _ = try? type.read(.bare(text)) }
    }
  }

  @Test func `a connection string written from pairs reads back to them`() throws {
    var generator = SeededGenerator(seed: 42)
    for _ in 0..<300 {
      let values = (0..<3).map { _ in
        String((0..<6).map { _ in "ab '=\"\\é".randomElement(using: &generator)! })
      }
      let text = values.enumerated().map { index, value in
        let quoted = value.map { $0 == "'" ? "''" : String($0) }.joined()
        return "k\(index) = '\(quoted)'"
      }.joined(separator: " ")
      let pairs = try ConnectionString.parse(text)
      #expect(pairs.map(\.value) == values)
      #expect(pairs.map(\.key) == ["k0", "k1", "k2"])
    }
  }

  private func write(_ bytes: [UInt8], to path: String) {
    guard let stream = fopen(path, "w") else { return }
    fwrite(bytes, 1, bytes.count, stream)
    fclose(stream)
  }
}

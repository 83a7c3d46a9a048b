import Foundation
import Testing

/// The fuzzers' seeds, and whatever they have found, run as tests.
@Suite struct FuzzReplay {
  struct Input: CustomStringConvertible, Sendable {
    var target: FuzzTarget
    var file: URL

    var description: String {
      file.pathComponents.suffix(3).joined(separator: "/")
    }
  }

  static let directory = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()

  static func inputs(_ kind: String) -> [Input] {
    FuzzTarget.allCases.flatMap { target in
      let folder = directory.appendingPathComponent("\(kind)/\(target.rawValue)")
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
      return names.sorted().map {
        Input(target: target, file: folder.appendingPathComponent($0))
      }
    }
  }

  @Test(arguments: inputs("corpus") + inputs("findings"))
  func `an input of the fuzzers has nothing wrong`(_ input: Input) throws {
    let bytes = [UInt8](try Data(contentsOf: input.file))
    try input.target.run(bytes)
    // Whatever is cut off, what is left is no worse.
    for count in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 64)) {
      try input.target.run(Array(bytes[..<count]))
    }
  }

  @Test(arguments: FuzzTarget.allCases)
  func `every target has seeds`(_ target: FuzzTarget) {
    #expect(Self.inputs("corpus").filter { $0.target == target }.count >= 5)
  }

  /// A target that finds nothing wrong with anything would be of no use.
  @Test func `what is wrong is told`() {
    #expect(throws: Finding.self) { try check(false, "wrong") }
  }
}

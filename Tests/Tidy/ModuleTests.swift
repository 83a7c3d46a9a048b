import Testing

/// Dependencies point down only, and what decides makes no system call.
@Suite struct Modules {
  /// What each module may import of this package.
  private static let allowed: [String: Set<String>] = [
    "CLinux": [], "COpenSSL": [], "CZlib": [],
    "PostgresWire": [],
    "PostgresAuth": ["PostgresWire", "COpenSSL"],
    "Pooling": ["PostgresAuth", "PostgresWire"],
    "Tenancy": ["Pooling", "PostgresAuth", "PostgresWire"],
    "TLS": ["COpenSSL", "CLinux"],
    "Reactor": ["CLinux"],
    "Logs": ["CLinux", "Reactor"],
    "Settings": ["Pooling", "PostgresAuth", "PostgresWire", "Tenancy"],
    "Admin": ["PostgresWire"],
    "Dashboard": [],
    "Insight": ["PostgresWire"],
    "Proxy": [
      "Admin", "Insight", "Settings", "Tenancy", "TLS", "Reactor", "Pooling", "PostgresAuth",
      "PostgresWire", "CLinux", "Logs",
    ],
    "Monitoring": ["Admin", "CZlib", "Dashboard", "PostgresAuth", "Reactor", "Settings"],
    "sluice": ["Logs", "Proxy", "Monitoring", "Admin", "Settings", "Reactor", "CLinux"],
  ]

  private static let pure: Set<String> = [
    "PostgresWire", "PostgresAuth", "Pooling", "Tenancy", "Admin", "Dashboard", "Insight",
  ]

  /// Digests come from OpenSSL; everything else of the system stays outside.
  private static let system: Set<String> = [
    "Foundation", "FoundationEssentials", "Glibc", "Musl", "CLinux", "Dispatch", "Logging",
  ]

  static func imported(by file: SourceTree.File) -> [String] {
    let pattern = /^(?:@\w+\s+|(?:public|package|internal|private) )*import (?:\w+ )?(\w+)/
    return FunctionLengths.blanked(file.text).split(separator: "\n").compactMap { line in
      line.prefixMatch(of: pattern).map { String($0.1) }
    }
  }

  private func module(of file: SourceTree.File) -> String {
    String(file.path.split(separator: "/")[1])
  }

  @Test func `imports point down`() {
    for file in SourceTree.files(under: ["Sources/"], ending: ".swift") {
      let module = module(of: file)
      guard let allowed = Self.allowed[module] else {
        Issue.record("\(file.path): no rule for the module \(module)")
        continue
      }
      for name in Self.imported(by: file) where Self.allowed[name] != nil && name != module {
        #expect(allowed.contains(name), "\(file.path) imports \(name)")
      }
    }
  }

  @Test func `the pure modules import nothing of the system`() {
    for file in SourceTree.files(under: ["Sources/"], ending: ".swift")
    where Self.pure.contains(module(of: file)) {
      for name in Self.imported(by: file) {
        #expect(!Self.system.contains(name), "\(file.path) imports \(name)")
      }
    }
  }

  @Test func `every unchecked promise to the compiler has a comment`() {
    for file in SourceTree.files(under: ["Sources/"], ending: ".swift") {
      let lines = file.lines
      for (index, line) in lines.enumerated() where line.contains("@unchecked " + "Sendable") {
        let before = lines[max(0, index - 6)..<index]
        #expect(before.contains { $0.contains("//") }, "\(file.path):\(index + 1)")
      }
    }
  }
}

/// The counters themselves: a check that cannot fail is worse than none.
@Suite struct TidyCheckers {
  @Test func `functions are found and measured`() {
    let text = """
      struct A {
        func one() { print("}") }
        // func none() {
        public init(a: Int) {
          if a > 1 {
            print(#"{"#)
          }
        }
        var b: Int { 1 }
      }
      protocol P {
        func required()
      }
      private static func broken(
        a: Int
      ) -> Int {
        /* } */
        1
      }

      """
    let expected: [FunctionLengths.Function] = [
      .init(line: 2, length: 1), .init(line: 4, length: 5), .init(line: 14, length: 6),
    ]
    #expect(FunctionLengths.measure(text) == expected)
  }

  @Test func `a function of 71 lines is found`() {
    let text = "func long() {\n" + String(repeating: "  work()\n", count: 69) + "}\n"
    #expect(FunctionLengths.measure(text).map(\.length) == [71])
  }

  @Test func `imports of every form are seen`() {
    let file = SourceTree.File(
      path: "Sources/X/a.swift",
      text: """
        import A
        @testable import B
        public import struct C.D
          // import E
        """)
    #expect(Modules.imported(by: file) == ["A", "B", "C"])
  }
}

import Testing

@testable import Settings

struct IncludeTests {
  let folder = Folder()

  private func load(_ path: String) -> LoadResult {
    SettingsLoader.load(path: path, environment: [:])
  }

  @Test func `an included file starts in the section and leaves its own`() throws {
    let inner = folder.write("inner.ini", "default_pool_size = 33\n[databases]\nb = host=y\n")
    let outer = folder.write(
      "outer.ini", "[pgbouncer]\nlisten_port = 1\n%include \(inner)\nc = host=z\n")
    let settings = try #require(load(outer).settings)
    #expect(settings.defaultPoolSize == 33)
    #expect(settings.databases.keys.sorted() == ["b", "c"])
    #expect(settings.origin(of: "default_pool_size") == .file(inner, line: 1))
    #expect(settings.origin(of: "databases.c") == .file(outer, line: 4))
  }

  @Test func `a file that includes itself is refused`() {
    let first = folder.write("a.ini", "%include \(folder.path)/b.ini\n")
    folder.write("b.ini", "\n%include \(folder.path)/./a.ini\n")
    #expect(load(first).texts.first?.contains("b.ini:2: error: ") == true)
    #expect(load(first).texts.first?.contains("includes itself") == true)
  }

  @Test func `includes have a depth`() {
    for depth in 0..<12 {
      folder.write("d\(depth).ini", "[pgbouncer]\n%include \(folder.path)/d\(depth + 1).ini\n")
    }
    folder.write("d12.ini", "")
    let texts = load("\(folder.path)/d0.ini").texts
    #expect(texts.count == 1)
    #expect(texts.first?.contains("d9.ini:2: error: files are included more than 10") == true)
    #expect(load("\(folder.path)/d4.ini").texts == [])
  }

  @Test func `includes have a number`() {
    folder.write("leaf.ini", "")
    let line = "%include \(folder.path)/leaf.ini\n"
    let middle = folder.write("middle.ini", String(repeating: line, count: 100))
    let top = folder.write("top.ini", String(repeating: "%include \(middle)\n", count: 100))
    #expect(load(top).texts.first?.contains("too much is included") == true)
  }

  @Test func `a file too large is refused`() {
    let bytes = [UInt8](repeating: UInt8(ascii: "\n"), count: TextFile.maximumBytes + 1)
    for name in ["big.ini", "big.toml"] {
      let path = folder.write(name, bytes: bytes)
      #expect(load(path).texts == ["\(path): error: is larger than 16777216 bytes"])
    }
  }

  @Test(arguments: ["none.ini", "none.toml"])
  func `a file that is not there is named`(_ name: String) {
    let path = "\(folder.path)/\(name)"
    #expect(
      load(path).texts == ["\(path): error: cannot be read: No such file or directory"])
    #expect(load(folder.path).texts == ["\(folder.path): error: cannot be read: it is a directory"])
  }

  @Test func `the user list of auth_file is read`() throws {
    let list = folder.write("users.txt", "\"app\" \"md5abc\"\n")
    let path = folder.write("p.ini", "[pgbouncer]\nauth_file = \(list)\n")
    let result = load(path)
    #expect(result.texts == [])
    #expect(result.settings?.secrets == ["app": Secret("md5abc")])
    folder.write("users.txt", "\"app\" \"md5abc\"\noops\n")
    #expect(load(path).texts.first?.hasPrefix("\(list):2: error: a user is written") == true)
  }

  @Test func `a user list that others can read gives one warning`() throws {
    let list = folder.write("users.txt", "\"app\" \"x\"\n", mode: 0o644)
    let path = folder.write("p.ini", "[pgbouncer]\nauth_file = \(list)\n")
    #expect(
      load(path).texts == [
        "\(path):2: warning: \"\(list)\" has secrets and is readable by others; `chmod 600` it"
      ])
  }

  @Test func `a user list that is not there is an error at its setting`() {
    let path = folder.write("p.ini", "[pgbouncer]\nauth_file = /nonexistent/users.txt\n")
    #expect(
      load(path).texts == [
        "\(path):2: error: \"auth_file\": \"/nonexistent/users.txt\" cannot be read: "
          + "No such file or directory"
      ])
  }
}

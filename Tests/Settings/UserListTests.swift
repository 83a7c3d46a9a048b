import Testing

@testable import Settings

struct UserListTests {
  @Test func `names and secrets are taken, the rest of a line is not`() {
    let (secrets, diagnostics) = UserList.parse(
      """
      ; comment
      "app" "md5d41d8cd98f00b204e9800998ecf8427e"

        "o""dd" "pass""word with blanks" "ignored" too
      "last" "one"
      "last" "two"
      "empty"\t""
      """, file: "users.txt")
    #expect(diagnostics == [])
    #expect(
      secrets.mapValues(\.text) == [
        "app": "md5d41d8cd98f00b204e9800998ecf8427e", #"o"dd"#: #"pass"word with blanks"#,
        "last": "two", "empty": "",
      ])
  }

  @Test(arguments: [
    #"app "x""#, #""app""#, #""app" x"#, #""app "x""#, #""app" "x"#, #""" "x""#, "# comment",
  ])
  func `a malformed line is an error with its line and nothing of its text`(_ line: String) throws {
    let (secrets, diagnostics) = UserList.parse("\"a\" \"b\"\n\(line)\n\"c\" \"d\"\n", file: "u")
    #expect(secrets.keys.sorted() == ["a", "c"])
    #expect(diagnostics.map(\.line) == [2])
    #expect(diagnostics.first?.severity == .error)
    #expect(diagnostics.first?.message.contains("app") == false)
  }

  @Test func `secrets have PgBouncer's length`() {
    let longest = String(repeating: "x", count: 65_530)
    let (secrets, none) = UserList.parse("\"a\" \"\(longest)\"", file: "u")
    #expect(secrets["a"]?.text == longest)
    #expect(none == [])
    let (_, some) = UserList.parse("\"a\" \"\(longest)x\"", file: "u")
    #expect(some.map(\.message) == ["the secret is longer than 65530 bytes"])
    let name = String(repeating: "n", count: 128)
    #expect(UserList.parse("\"\(name)\" \"x\"", file: "u").diagnostics.count == 1)
  }

  @Test func `what is not text is an error`() {
    let (_, diagnostics) = UserList.parse([0x22, 0x61, 0x22, 0x20, 0x22, 0xFF, 0x22], file: "u")
    #expect(diagnostics.map(\.message) == ["the line is not UTF-8 text"])
  }
}

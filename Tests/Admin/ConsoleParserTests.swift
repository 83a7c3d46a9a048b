import Testing

@testable import Admin

@Suite struct ConsoleParserTests {
  private static let commands: [(String, [ConsoleCommand])] = [
    ("SHOW VERSION", [.show(.version, [])]),
    ("show pools;", [.show(.pools, [])]),
    ("select stats", [.show(.stats, [])]),
    ("SELECT version()", [.show(.version, [])]),
    ("SELECT 1", [.constant(1)]),
    ("SHOW", [.showHelp]),
    ("show help", [.showHelp]),
    ("", []), (" ; ;", []), ("-- nothing\n", []), ("/* a; b */ show lists", [.show(.lists, [])]),
    ("SHOW STATS; SHOW LISTS;", [.show(.stats, []), .show(.lists, [])]),
    ("RELOAD", [.reload]),
    ("pause", [.pause(database: nil)]), ("PAUSE App", [.pause(database: "App")]),
    ("RESUME \"my;db\"", [.resume(database: "my;db")]),
    ("KILL 'a''b'", [.kill(database: "a'b")]),
    ("disable app", [.disable(database: "app")]), ("ENABLE app", [.enable(database: "app")]),
    ("RECONNECT", [.reconnect(database: nil)]), ("wait_close app", [.waitClose(database: "app")]),
    ("KILL_CLIENT 12", [.killClient(id: 12)]), ("kill_client 0xff", [.killClientAt(handle: 255)]),
    ("SUSPEND", [.suspend]),
    ("SHUTDOWN", [.shutdown(.immediate)]),
    ("shutdown wait_for_servers", [.shutdown(.waitForServers)]),
    ("SHUTDOWN WAIT_FOR_CLIENTS", [.shutdown(.waitForClients)]),
    ("SET verbose = 2", [.set(name: "verbose", value: "2")]),
    (
      "set server_check_query = 'SELECT ''x'''",
      [.set(name: "server_check_query", value: "SELECT 'x'")]
    ),
    ("SET query_timeout TO '1s'", [.set(name: "query_timeout", value: "1s")]),
    ("SET extra_float_digits = 3", [.ignored("SET", nil)]),
    ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", [.ignored("SET", nil)]),
    ("BEGIN", [.ignored("BEGIN", .begin)]), ("COMMIT", [.ignored("COMMIT", .end)]),
    (
      "SHOW CLIENTS WHERE tenant = 'acme' AND state <> active",
      [
        .show(
          .clients,
          [TableFilter("tenant", .equal, "acme"), TableFilter("state", .unequal, "active")])
      ]
    ),
  ]

  @Test(arguments: commands.indices)
  func `commands are read`(index: Int) throws {
    let (text, expected) = Self.commands[index]
    #expect(try ConsoleParser.parse(text) == expected, "\(text)")
  }

  private static let errors: [(String, String, hint: String?)] = [
    ("SHOW POOL", "bad SHOW arg, use SHOW HELP", "Perhaps SHOW POOLS?"),
    ("SHOW nonsense", "bad SHOW arg, use SHOW HELP", nil),
    ("SHOW POOLS now", "syntax error behind SHOW", "SHOW HELP tells the commands."),
    ("RELAOD", "invalid command, use SHOW HELP;", "Perhaps RELOAD?"),
    ("DROP TABLE t", "invalid command, use SHOW HELP;", nil),
    ("ENABLE", "a database is required", nil),
    ("KILL_CLIENT abc", "invalid client pointer supplied", nil),
    ("KILL_CLIENT", "invalid client pointer supplied", nil),
    ("SET verbose", "syntax error in SET", "As in SET key = 'value'."),
    ("SHUTDOWN NOW", "invalid SHUTDOWN mode \"now\"", nil),
    ("SHOW CLIENTS WHERE colour = 'red'", "column \"colour\" does not exist", nil),
    ("SHOW CLIENTS WHERE state LIKE 'a'", "syntax error in WHERE", nil),
    ("SHOW 'x", "syntax error: a quote or a comment has no end", nil),
  ]

  @Test(arguments: errors.indices)
  func `what is no command is refused in words that help`(index: Int) {
    let (text, message, hint) = Self.errors[index]
    do throws(ConsoleError) {
      Issue.record("\(text) was read as \(try ConsoleParser.parse(text))")
    } catch {
      #expect(error.message == message)
      if let hint { #expect(error.hint == hint) }
    }
  }

  @Test func `only commands that look are for everybody`() throws {
    for (_, commands) in Self.commands {
      for command in commands {
        switch command {
        case .show, .showHelp, .constant, .nothing, .ignored: #expect(!command.needsAdmin)
        default: #expect(command.needsAdmin)
        }
      }
    }
    #expect(ConsoleCommand.show(.fds, []).needsAdmin)
  }

  @Test func `the help names every table`() {
    for table in ShowTable.allCases {
      #expect(ConsoleCommand.help.contains(table.rawValue.uppercased()))
    }
  }
}

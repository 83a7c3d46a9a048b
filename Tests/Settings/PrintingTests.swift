import Testing

@testable import Settings

struct PrintingTests {
  @Test func `what is printed loads again to the same settings`() throws {
    let folder = Folder()
    let list = folder.write("users.txt", "\"app\" \"hunter2\"\n")
    let text =
      IniReaderTests.production + "\nauth_file = \(list)\nlogfile = a \"b\\\" \u{1} c\n"
      + "[peers]\n3 = host=x pool_size=4\n[users]\n\"a.b \"\"c\" = pool_size=1\n"
      + "[pgbouncer]\nquery_timeout = 0.000001\nsuspend_timeout = 12.75\npkt_buf = 75\n"
    let settings = try #require(ini(text).settings)
    let again = try #require(toml(settings.printable()).settings)
    #expect(again.databases["reports"]?.password == nil)
    for definition in SettingDefinition.all {
      #expect(definition.value(in: again) == definition.value(in: settings))
    }
    #expect(again.users == settings.users)
    #expect(again.peers == settings.peers)
    #expect(again.secrets == settings.secrets)
    #expect(again.fallbackDatabase == settings.fallbackDatabase)
    var databases = settings.databases
    databases["reports"]?.password = nil
    #expect(again.databases == databases)
  }

  @Test(arguments: [SettingsFormat.native, .pgbouncer])
  func `the defaults print and load without diagnostics`(_ format: SettingsFormat) {
    let settings = Settings(defaultsOf: format)
    let result = toml(settings.printable())
    #expect(result.settings == settings)
    #expect(result.texts == [])
  }

  @Test func `each setting tells where it came from`() throws {
    let settings = try #require(ini("[pgbouncer]\nlisten_port = 1\n[databases]\na.b =\n").settings)
    let lines = settings.printable().split(separator: "\n").map(String.init)
    #expect(lines.contains("listen_port = 1  # p.ini:2"))
    #expect(lines.contains(#"pool_mode = "session"  # default"#))
    #expect(lines.contains("unix_socket_mode = 0o777  # default"))
    #expect(lines.contains(#"server_lifetime = "3600s"  # default"#))
    #expect(lines.contains(##"[databases."a.b"]  # p.ini:4"##))
  }

  @Test func `no description shows a secret`() throws {
    let folder = Folder()
    let list = folder.write("users.txt", "\"app\" \"hunter2\"\n")
    let settings = try #require(
      toml(
        """
        auth_file = "\(list)"
        auth_ldap_options = "ldapbindpasswd=hunter2"
        [databases.a]
        password = "hunter2"
        [databases."*"]
        password = "hunter2"
        [users.a]
        password = "hunter2"
        """
      ).settings)
    var dumped = ""
    dump(settings, to: &dumped)
    let ldap = try #require(SettingDefinition.named("auth_ldap_options"))
    for text in [
      dumped, "\(settings)", String(reflecting: settings), settings.printable(),
      ldap.text(in: settings), "\(settings.secrets)", "\(Secret("hunter2"))",
      String(reflecting: Secret("hunter2")),
    ] {
      #expect(!text.contains("hunter2"))
    }
    #expect(settings.printable().contains("# password = \"********\""))
    #expect(settings.secrets["app"]?.text == "hunter2")
  }

  @Test(arguments: [
    "a = user=x password='hunter2", "a = password=x hunter2", "a = password=x hunter2=y",
    "a = port=5432password=hunter2", "a = password=x y=hunter2", "hunter2", "\"a\" hunter2",
  ])
  func `no diagnostic of the ini format shows a secret`(_ line: String) {
    let result = ini("[databases]\n\(line)\n")
    #expect(!result.errors.isEmpty)
    #expect(!result.texts.contains { $0.contains("hunter2") })
  }

  @Test(arguments: [
    "password = hunter2", "password = \"hunter2", "password = 'hunter2\n",
    "password = \"x\" hunter2",
    "password = [\"hunter2\"]", "password = { text = \"hunter2\" }", "password hunter2",
    "password = \"\\hunter2\"",
  ])
  func `no diagnostic of the native format shows a secret`(_ line: String) {
    for section in ["[users.a]", "[databases.a]"] {
      let result = toml("\(section)\n\(line)\n")
      #expect(!result.errors.isEmpty)
      #expect(!result.texts.contains { $0.contains("hunter2") })
    }
  }

  @Test(arguments: [
    ("query_timeout", "0.1"), ("server_lifetime", "3600"), ("unix_socket_mode", "0777"),
    ("tcp_user_timeout", "1500"), ("log_stats", "1"), ("listen_addr", "a,b"),
    ("pool_mode", "session"), ("server_check_query", "<empty>"),
  ])
  func `values are shown as PgBouncer shows them`(_ name: String, _ text: String) throws {
    let definition = try #require(SettingDefinition.named(name))
    let settings = try Settings(defaultsOf: .pgbouncer).setting(name, to: text, origin: .console)
    #expect(definition.text(in: settings) == text)
  }
}

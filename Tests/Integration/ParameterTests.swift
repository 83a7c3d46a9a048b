import Testing

extension Integration {
  @Suite(.serialized) struct Parameters {
    @Test(arguments: PostgresVersion.available)
    func `parameters follow their client over a shared server`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let german = try sluice.connect(
          parameters: [
            "application_name": "first", "DateStyle": "German", "TimeZone": "Europe/Berlin",
            "client_encoding": "LATIN1",
          ])
        let plain = try sluice.connect(parameters: ["application_name": "second"])
        let sql = """
          SELECT current_setting('application_name'), current_setting('TimeZone'),
            current_setting('client_encoding'), '2024-12-31'::date::text
          """
        for _ in 0..<5 {
          #expect(
            try german.query(sql).rows == [["first", "Europe/Berlin", "LATIN1", "31.12.2024"]])
          let row = try plain.query(sql).rows.first
          #expect(row == ["second", "UTC", "UTF8", "2024-12-31"])
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a tracked parameter that is SET stays with its client`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let first = try sluice.connect()
        let second = try sluice.connect()
        try first.query("SET application_name = 'renamed'; SET TimeZone = 'Asia/Tokyo'")
        #expect(first.parameters["application_name"] == "renamed")
        #expect(try second.value("SHOW TimeZone") == "UTC")
        #expect(try first.value("SHOW TimeZone") == "Asia/Tokyo")
        #expect(try first.extended("SHOW application_name").value == "renamed")
        // PgBouncer would show the other client's name here.
        if !StandIn.isOn { #expect(try second.value("SHOW application_name") == "") }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `standard_conforming_strings follows its client`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let old = try sluice.connect()
        let new = try sluice.connect()
        try old.query("SET standard_conforming_strings = off; SET escape_string_warning = off")
        for _ in 0..<3 {
          #expect(try new.value(#"SELECT length('a\n')"#) == "3")
          #expect(try old.value(#"SELECT length('a\n')"#) == "2")
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `an extra parameter follows its client though the server may not report it`(
      version: PostgresVersion
    ) throws {
      let settings: SluiceConfiguration.Section = [
        "default_pool_size": 1, "track_extra_parameters": "search_path",
      ]
      try withSluice(version, settings) { sluice in
        let own = try sluice.connect(parameters: ["search_path": "mine"])
        let plain = try sluice.connect()
        for _ in 0..<3 {
          #expect(try own.value("SHOW search_path") == "mine")
          #expect(try plain.value("SHOW search_path") == #""$user", public"#)
        }
      }
    }

    @Test func `a quote in a parameter's value stays a value`() throws {
      try withSluice(.newest, ["default_pool_size": 1]) { sluice in
        let names = ["it's", #"back\slash"#, #"'; DROP TABLE x; --"#, #"\'"#]
        let clients = try names.map {
          try sluice.connect(parameters: ["application_name": $0])
        }
        for (client, name) in zip(clients, names) {
          #expect(try client.value("SHOW application_name") == name)
        }
      }
    }

    @Test func `an unknown startup parameter is refused by name`() throws {
      try withSluice(.newest) { sluice in
        let error = try sluice.loginError(parameters: ["work_mem": "1MB"])
        #expect(error?.message.contains("unsupported startup parameter: work_mem") == true)
      }
    }

    @Test func `an ignored startup parameter is ignored`() throws {
      let settings: SluiceConfiguration.Section = [
        "ignore_startup_parameters": "work_mem, extra_float_digits"
      ]
      try withSluice(.newest, settings) { sluice in
        let client = try sluice.connect(
          parameters: ["work_mem": "1MB", "extra_float_digits": "2"])
        #expect(try client.value("SHOW work_mem") == "4MB")
        let error = try sluice.loginError(parameters: ["work_memory": "1MB"])
        #expect(error?.message.contains("unsupported startup parameter: work_memory") == true)
      }
    }

    @Test(
      .disabled(if: StandIn.isOn, "younger than the distribution's PgBouncer"),
      arguments: [
        "-c TimeZone=Asia/Tokyo", "-cTimeZone=Asia/Tokyo", "--TimeZone=Asia/Tokyo",
        "-c application_name=x --timezone=Asia/Tokyo",
      ])
    func `tracked settings in options count`(options: String) throws {
      try withSluice(.newest) { sluice in
        let client = try sluice.connect(parameters: ["options": options])
        #expect(try client.value("SHOW TimeZone") == "Asia/Tokyo")
      }
    }

    @Test(
      .disabled(if: StandIn.isOn, "younger than the distribution's PgBouncer"),
      arguments: [
        (
          "-c work_mem=1MB", "unsupported startup parameter in options: work_mem"
        ),
        (
          "-d 5",
          "unsupported options startup parameter: "
            + "only '-c config=val' and '--config=val' are allowed"
        ),
      ])
    func `other options are refused`(options: String, text: String) throws {
      try withSluice(.newest) { sluice in
        let error = try sluice.loginError(parameters: ["options": options])
        #expect(error?.message.contains(text) == true)
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `an invalid value of a parameter fails one client and spoils no server`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let good = try sluice.connect()
        #expect(try good.value("SELECT 1") == "1")
        if let bad = try? sluice.connect(parameters: ["TimeZone": "Nowhere/Land"]) {
          _ = try? bad.query("SELECT 1")
        }
        #expect(try good.value("SELECT 2") == "2")
        #expect(try sluice.connect().value("SHOW TimeZone") == "UTC")
      }
    }
  }
}

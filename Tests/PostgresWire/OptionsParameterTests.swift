import PostgresWire
import Testing

struct OptionsParameterTests {
  @Test(arguments: [
    ("", []),
    ("   ", []),
    ("-c a=b", ["a=b"]),
    ("-ca=b", ["a=b"]),
    ("  -c  a=b  --c=d ", ["a=b", "c=d"]),
    ("-c a=", ["a="]),
    ("-c a=b=c", ["a=b=c"]),
    ("--statement-timeout=5s", ["statement_timeout=5s"]),
    ("-c search_path=a-b", ["search_path=a-b"]),
    (#"-c a=one\ two\\three"#, [#"a=one two\three"#]),
    (#"-c a=b\"#, ["a=b"]),
    ("-c\ta=b\n-c\u{0B}c=d", ["a=b", "c=d"]),
    (#"-c app.tenant_id=\é"#, ["app.tenant_id=é"]),
  ])
  func `settings are read as on PostgreSQL's command line`(options: String, settings: [String])
    throws
  {
    #expect(try OptionsParameter.parse(options).map { "\($0.name)=\($0.value)" } == settings)
  }

  @Test(arguments: ["a=b", "-d 5", "-c", "-c ", "-c a", "--", "--a", "-c =b", "-c a=b junk", "-"])
  func `other arguments are refused`(options: String) {
    let error = #expect(throws: OptionsError.self) { try OptionsParameter.parse(options) }
    #expect(
      error?.message
        == "unsupported options startup parameter: "
        + "only '-c config=val' and '--config=val' are allowed")
    #expect(error?.sqlstate == "08P01")
  }
}

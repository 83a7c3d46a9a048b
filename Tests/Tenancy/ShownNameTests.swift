import Testing

@testable import Tenancy

@Suite struct ShownNameTests {
  private static func tenant(_ text: String) throws -> TenantName {
    try #require(TenantName(wellFormed: text))
  }

  @Test func `the tenant stands behind the name`() throws {
    let acme = try Self.tenant("acme")
    for (own, shown) in [
      ("", "app [acme]"), ("web", "web [acme]"), ("w\u{e9}b", "w??b [acme]"),
      ("a\nb", "a?b [acme]"),
      (String(repeating: "x", count: 70), String(repeating: "x", count: 56) + " [acme]"),
    ] {
      let name = ShownName(own: own, tenant: acme)
      #expect(name.shown == shown)
      #expect(name.own == own)
    }
    #expect(ShownName(own: "w\u{e9}b", tenant: nil).shown == "w\u{e9}b")
  }

  @Test func `a tenant that is not ASCII does not grow`() throws {
    var name = ShownName(own: "web", tenant: try Self.tenant("caf\u{e9}"))
    #expect(name.shown == "web [caf??]")
    for _ in 0..<3 { #expect(name.reported(name.shown) == "web") }
    #expect(name.shown == "web [caf??]")
  }

  @Test func `what a server reports is the client's own again`() throws {
    var name = ShownName(own: "web", tenant: try Self.tenant("acme"))
    #expect(name.reported("job") == "job")
    #expect(name.shown == "job [acme]")
    // The SET is rolled back.
    #expect(name.reported("web [acme]") == "web")
    #expect(name.shown == "web [acme]")
    name.act(for: try Self.tenant("beta"))
    #expect(name.shown == "web [beta]")
    // The server has not been told yet.
    #expect(name.reported("web [acme]") == "web")
    #expect(name.shown == "web [beta]")
    name.act(for: nil)
    #expect(name.shown == "web")
    #expect(name.reported("web [beta]") == "web")
  }

  @Test func `a name that was cut short comes back whole`() throws {
    let long = String(repeating: "x", count: 70)
    var name = ShownName(own: long, tenant: try Self.tenant("acme"))
    let old = name.shown
    name.act(for: try Self.tenant("beta"))
    #expect(name.reported(old) == long)
    #expect(name.reported(name.shown) == long)
  }
}

import Settings
import Testing

@Suite struct MetricsAddressTests {
  @Test(arguments: [
    ("9127", "127.0.0.1", 9127, true), (":9127", "127.0.0.1", 9127, true),
    ("127.0.0.1:1", "127.0.0.1", 1, true), ("localhost:65535", "localhost", 65_535, true),
    ("[::1]:9127", "::1", 9127, true), ("[::]:9127", "::", 9127, false),
    ("*:9127", "*", 9127, false), ("127.example.org:9127", "127.example.org", 9127, false),
    ("10.0.0.1:9127", "10.0.0.1", 9127, false),
  ])
  func `an address to listen on`(text: String, host: String, port: Int, isLoopback: Bool) throws {
    let address = try #require(MetricsAddress(text))
    #expect(address.host == host && address.port == port)
    #expect(address.isLoopback == isLoopback)
  }

  @Test(arguments: ["", ":", "a:", "::1:9127", "[::1]", "[]:1", "a:0", "a:65536", "a:-1", "a:1x"])
  func `what is none`(text: String) {
    #expect(MetricsAddress(text) == nil)
  }
}

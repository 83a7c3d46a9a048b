import Glibc
import Reactor
import Testing

@Suite struct SocketAddressTests {
  @Test(arguments: [
    ("127.0.0.1", 5432, "127.0.0.1:5432"), ("::1", 6432, "[::1]:6432"),
    ("10.1.2.3", 65535, "10.1.2.3:65535"), ("2001:db8::ff", 1, "[2001:db8::ff]:1"),
  ])
  func `an address in digits is read and printed`(
    _ host: String, _ port: Int, _ text: String
  ) throws {
    let address = try #require(try SocketAddress.resolve(host: host, port: port).first)
    #expect(address.description == text)
    #expect(address.host == host)
    #expect(address.port == port)
    #expect(!address.isUnix)
    #expect(address.with(port: 77).port == 77)
    #expect(address.with(port: 77).host == host)
    #expect(address.with(port: port) == address)
  }

  @Test func `every address of the machine`() throws {
    let hosts = try SocketAddress.resolve(host: "*", port: 1, isPassive: true).map(\.host)
    #expect(hosts.contains("0.0.0.0"))
  }

  @Test func `a host that does not exist is an error with its name`() {
    let error = #expect(throws: ResolveError.self) {
      try SocketAddress.resolve(host: "no-such-host.invalid", port: 1)
    }
    #expect(error?.host == "no-such-host.invalid")
    #expect(error?.description.contains("no-such-host.invalid") == true)
  }

  @Test func `a unix socket's path ends with a zero byte`() throws {
    let address = try #require(SocketAddress(unixPath: "/tmp/.s.PGSQL.5432"))
    #expect(address.isUnix && address.port == 0)
    #expect(address.description == "unix" && address.host == "unix")
    #expect(Array(address.bytes[2...]) == Array("/tmp/.s.PGSQL.5432".utf8) + [0])
    #expect(address.with(port: 9) == address)
  }

  @Test func `an abstract name begins with a zero byte`() throws {
    let address = try #require(SocketAddress(unixPath: "@sluice"))
    #expect(Array(address.bytes[2...]) == [0] + Array("sluice".utf8))
  }

  @Test func `a path of 107 bytes is taken, a longer one is not`() {
    #expect(SocketAddress(unixPath: String(repeating: "a", count: 107)) != nil)
    #expect(SocketAddress(unixPath: String(repeating: "a", count: 108)) == nil)
  }

  @Test(arguments: ["127.0.0.1", "@sluice-test-\(getpid())"])
  func `a listener is connected to, and knows its address`(_ host: String) throws {
    let wanted =
      host.hasPrefix("@")
      ? SocketAddress(unixPath: host) : try SocketAddress.resolve(host: host, port: 0).first
    let listener = try Socket.listen(on: #require(wanted), backlog: 4, reusePort: false)
    defer { close(listener) }
    #expect(try Socket.accept(listener) == nil)
    let address = Socket.localAddress(listener)
    let client = try Socket.connect(to: address, options: SocketOptions())
    defer { close(client) }
    var descriptor = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    #expect(poll(&descriptor, 1, 5_000) == 1)
    let accepted = try #require(try Socket.accept(listener))
    defer { close(accepted.fd) }
    #expect(Socket.connectResult(client) == 0)
    #expect(accepted.address.isUnix == address.isUnix)
    if address.isUnix {
      #expect(Socket.peerCredentials(accepted.fd)?.uid == getuid())
    } else {
      #expect(accepted.address == Socket.localAddress(client))
    }
  }

  @Test func `an address in use can't be listened on`() throws {
    let any = try #require(try SocketAddress.resolve(host: "127.0.0.1", port: 0).first)
    let listener = try Socket.listen(on: any, backlog: 4, reusePort: false)
    defer { close(listener) }
    let error = #expect(throws: SystemError.self) {
      try Socket.listen(on: Socket.localAddress(listener), backlog: 4, reusePort: false)
    }
    #expect(error == SystemError(call: "bind", result: -EADDRINUSE))
  }

  @Test func `a connection that is refused says so`() throws {
    let any = try #require(try SocketAddress.resolve(host: "127.0.0.1", port: 0).first)
    let listener = try Socket.listen(on: any, backlog: 4, reusePort: false)
    let address = Socket.localAddress(listener)
    close(listener)
    let client = try Socket.connect(to: address, options: SocketOptions())
    defer { close(client) }
    var descriptor = pollfd(fd: client, events: Int16(POLLOUT), revents: 0)
    #expect(poll(&descriptor, 1, 5_000) == 1)
    #expect(Socket.connectResult(client) == ECONNREFUSED)
  }
}

// The tenant of a client.
extension Worker {
  /// Makes ready what the client's transactions run under.
  /// - Returns: false: it cannot be, and the client has ended.
  func beginTenant(_ client: ClientPointer) -> Bool { true }
}

import Pooling
import PostgresWire
import Reactor
import Settings
import Tenancy

// Clients and their tenants.
extension Worker {
  /// Takes up the tenant that a client's login has come to.
  /// - Returns: false if the client has been ended.
  func beginTenant(_ client: ClientPointer) -> Bool {
    guard tenancy.isActive else { return true }
    let tenant = TenantPointer.allocate(capacity: 1)
    tenant.initialize(to: ClientTenant())
    client.pointee.tenant = tenant
    return makePreamble(client, tenant)
  }

  /// Makes what servers are told for a client, by the rules of now.
  /// - Returns: false if the client has been ended: its tenant is no longer allowed, or has settings
  ///   that can't be.
  func makePreamble(_ client: ClientPointer, _ tenant: TenantPointer) -> Bool {
    true
  }

  func releaseTenant(_ client: ClientPointer) {
    guard let tenant = client.pointee.tenant else { return }
    client.pointee.tenant = nil
    tenant.pointee.release()
    tenant.deinitialize(count: 1)
    tenant.deallocate()
  }
}

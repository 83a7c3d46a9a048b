import CLinux
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization
import Tenancy

// Clients and their tenants.
extension Worker {
  /// Makes ready what the client's transactions run under.
  /// - Returns: false: it can't be, and the client has ended.
  func beginTenant(_ client: ClientPointer) -> Bool {
    guard tenancy.isActive, let resolution = client.pointee.identity?.resolution else {
      return true
    }
    let tenant = TenantPointer.allocate(capacity: 1)
    switch resolution.outcome {
    case .tenant(let name, _): tenant.initialize(to: ClientTenant(name, isExempt: false))
    case .exempt: tenant.initialize(to: ClientTenant(nil, isExempt: true))
    case .none, .refused: tenant.initialize(to: ClientTenant(nil, isExempt: false))
    }
    client.pointee.tenant = tenant
    return joinTenant(client, tenant) && !hasEnded(makePreamble(client, tenant))
  }

  /// Counts a client into its tenant, whose share of servers it takes part in.
  /// - Returns: false: the tenant has too many clients, and this one has ended.
  private func joinTenant(_ client: ClientPointer, _ tenant: TenantPointer) -> Bool {
    let old = tenant.pointee.share
    var refusal: TenantQuotaRefusal?
    let quota = tenant.pointee.name.flatMap { self.quota(of: $0) }
    tenant.pointee.share = pooler.pools.withLock { [now, tenancy] pools in
      defer { if !old.isNone { pools.leaveTenant(old) } }
      guard let name = tenant.pointee.name else { return .none }
      // Where its row has to be asked for first, its limits are as they were.
      let limits =
        quota ?? pools.limits(ofTenant: name.text) ?? TenantQuota(tenancy.limits(for: name))
      switch pools.joinTenant(name.text, limits: limits, now: now) {
      case .success(let share): return share
      case .failure(let failure):
        refusal = failure
        return .none
      }
    }
    guard let refusal else { return true }
    endClient(client, .tenantLimit(refusal))
    return false
  }

  /// Whether what servers are told for a client has to be made anew.
  @inline(__always)
  func isOutdated(_ tenant: TenantPointer) -> Bool {
    tenant.pointee.epoch != tenancyEpoch || now >= tenant.pointee.renewAt
  }

  /// What a tenant may have; nil: its row is not known.
  private func quota(of name: TenantName) -> TenantQuota? {
    guard case .known(let row, _)? = try? self.row(of: name) else { return nil }
    return TenantQuota(tenancy.limits(for: name, row: row))
  }

  /// What has come of making a preamble.
  enum PreambleMaking {
    case made
    /// The table of tenants has to be asked first. The preamble is still due.
    case waits(TenantName)
    /// Its tenant has settings that can't be, and the client has ended.
    case ended
  }

  private func hasEnded(_ making: PreambleMaking) -> Bool {
    if case .ended = making { true } else { false }
  }

  /// Makes what servers are told for a client, by the rules of now.
  func makePreamble(_ client: ClientPointer, _ tenant: TenantPointer) -> PreambleMaking {
    do throws(TenantRefusal) {
      if let name = tenant.pointee.name {
        guard case .known(let row, _) = try row(of: name) else {
          tenant.pointee.renewAt = 0
          return .waits(name)
        }
        // A pool does not move with a row, nor a client between pools: nothing more of it may run
        // where the tenant's database is no longer.
        if let row, !isInDatabase(of: name, row: row.database, client) {
          endClient(client, .tenantMoved)
          return .ended
        }
      }
    } catch {
      endClient(client, .tenantRefused(error))
      return .ended
    }
    if tenant.pointee.epoch != tenancyEpoch, let name = tenant.pointee.name,
      let quota = self.quota(of: name)
    {
      pooler.pools.withLock { [now] in
        $0.setLimits(quota, tenant: tenant.pointee.share, now: now)
      }
    }
    tenant.pointee.epoch = tenancyEpoch
    tenant.pointee.renewAt = .max
    updateShownName(client, tenant)
    do throws(TenantRefusal) {
      var bundle: TenantBundle?
      if let name = tenant.pointee.name {
        let made = try self.bundle(name, client)
        bundle = made.bundle
        tenant.pointee.renewAt = made.renewAt
      }
      tenant.pointee.set(Preamble(bundle, names: tenantNames))
      return .made
    } catch {
      endClient(client, .tenantRefused(error))
      return .ended
    }
  }

  /// What a tenant's transactions run under, and when that is to be made anew.
  func bundle(
    _ name: TenantName, _ client: ClientPointer
  ) throws(TenantRefusal) -> (bundle: TenantBundle, renewAt: UInt64) {
    let identity = client.pointee.identity
    var context = TemplateContext(
      tenant: name, user: identity?.login ?? "", database: identity?.databaseName ?? "",
      clientAddress: identity?.address.host ?? "")
    guard case .known(let row, var renewAt) = try self.row(of: name) else { throw .tableSilent }
    if tenancy.needsToken(name, row: row) {
      let seconds = Int(cl_wall_seconds())
      guard let signer, let route = route(client.pointee.pool),
        let token = try? signer.token(
          tenant: name.text, database: route.database.serverDatabase,
          user: route.user, now: seconds)
      else { throw .missingValue(setting: tenancy.tokenName?.text ?? "", placeholder: "{token}") }
      context.token = token
      renewAt = min(
        renewAt, now + UInt64(max(1, signer.renewal(now: seconds) - seconds)) * 1_000_000)
    }
    return (try tenancy.bundle(context, row: row), renewAt)
  }

  /// Has a client act for another tenant from its next transaction on.
  /// - Parameter name: nil: for the one that its login came to.
  /// - Returns: false: the client has ended.
  @discardableResult
  func switchTenant(_ client: ClientPointer, _ name: TenantName?) -> Bool {
    guard let tenant = client.pointee.tenant, !tenant.pointee.isExempt else { return true }
    let name = name ?? tenant.pointee.origin
    guard name != tenant.pointee.name else { return true }
    tenant.pointee.name = name
    client.pointee.identity?.tenant = name
    return joinTenant(client, tenant) && !hasEnded(makePreamble(client, tenant))
  }

  // MARK: limits

  /// How long the loop may sleep for its tenants' sake, in milliseconds; -1: for ever.
  @inline(__always)
  var tenantWait: Int32 {
    if tenantWakeAt == .max { return -1 }
    return tenantWakeAt > now ? Int32(min((tenantWakeAt - now + 999) / 1000, 1000)) : 0
  }

  /// Has the loop wake for those who wait for their tenant's rate: ten times a second is too seldom
  /// where no burst makes up for it. Under the pools' lock.
  func noteTenantWakeup(_ pools: inout Pools) {
    guard let next = pools.nextTenantWakeup(now: now) else { return }
    // Whatever comes of it, the loop does not spin.
    tenantWakeAt = min(tenantWakeAt, max(next, now + 1_000))
  }

  /// Serves those whose tenant's rate lets them go on.
  func wakeTenants() {
    tenantWakeAt = .max
    actions.removeAll(keepingCapacity: true)
    pooler.pools.withLock { [id, now, self] pools in
      pools.wakeTenants(loop: id, now: now, into: &actions)
      Self.own(actions)
      noteTenantWakeup(&pools)
    }
    perform(actions)
  }

  /// After a reload: limits hold for those too who wait, and for tenants none of whose clients does
  /// anything.
  func reviewTenantLimits() {
    // Of the table's they are set as the rows come.
    if readsTable { return }
    var position: Int? = 0
    while position != nil {
      pooler.pools.withLock { [now, tenancy] pools in
        pools.reviewLimits(from: &position, count: Self.reviewedAtOnce, now: now) { text in
          TenantName(wellFormed: text).map { TenantQuota(tenancy.limits(for: $0)) } ?? TenantQuota()
        }
      }
    }
  }

  /// So many are looked at under one lock.
  private static var reviewedAtOnce: Int { 256 }

  func releaseTenant(_ client: ClientPointer) {
    guard let tenant = client.pointee.tenant else { return }
    client.pointee.tenant = nil
    if !tenant.pointee.share.isNone {
      pooler.pools.withLock { $0.leaveTenant(tenant.pointee.share) }
    }
    tenant.pointee.release()
    tenant.deinitialize(count: 1)
    tenant.deallocate()
  }
}

extension TenantQuota {
  init(_ limits: TenantLimits) {
    self.init(
      weight: limits.weight, maxServers: limits.maxServerConnections,
      maxWaiting: limits.maxWaitingClients, maxClients: limits.maxClientConnections,
      rate: limits.maxTransactionsPerSecond, burst: limits.transactionsBurst)
  }
}

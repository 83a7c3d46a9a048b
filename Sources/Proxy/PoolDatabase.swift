import Settings
import Tenancy

/// The database of a pool: one of the configuration's, or a tenant's own in place of it.
struct PoolDatabase: Sendable {
  /// The configuration's entry; where it is a tenant's own, with the place of that.
  let settings: DatabaseSettings
  /// Whose own it is; nil: it is for all.
  let tenant: TenantName?
  /// What the tenant's row in the table of tenants says of its place; nil: nothing.
  let row: DatabaseIsolation?
  /// What its pools and its listening connection go by.
  ///
  /// A tenant's has a NUL in it, which no name has that a client can give: with a fallback `*` a
  /// client could ask for the other's database by its name. What is not ASCII is spelled out, for
  /// texts are compared by characters, but names of tenants by bytes.
  ///
  /// The place that a row says is in it: so a pool never moves when the row changes, and whoever is
  /// in the pool can be told from whoever belongs there.
  let key: String

  init(_ settings: DatabaseSettings) {
    self.settings = settings
    tenant = nil
    row = nil
    key = settings.name
  }

  /// - Parameter place: where the tenant's own is.
  init(
    _ settings: DatabaseSettings, of tenant: TenantName, at place: TenantDatabase,
    row: DatabaseIsolation?
  ) {
    self.settings = settings.moved(to: place)
    self.tenant = tenant
    let row = row.flatMap { $0.isEmpty ? nil : $0 }
    self.row = row
    key =
      "\(Self.spelled(settings.name))\0\(Self.spelled(tenant.text))"
      + (row.map { "\0\(Self.spelled($0.key(of: tenant)))" } ?? "")
  }

  /// Its name in the log, in the console and in metrics. What a row says is in it: two pools of one
  /// tenant, of which one is left from before a change, have different names.
  var title: String {
    guard let tenant else { return settings.name }
    return "\(settings.name).\(tenant)" + (row == nil ? "" : "@\(place)")
  }

  private var place: String {
    let hosts = settings.hosts.joined(separator: ",")
    return (hosts.isEmpty ? "" : "\(hosts):") + "\(settings.port)/\(settings.serverDatabase)"
  }

  private static func spelled(_ name: String) -> String {
    var text = ""
    for byte in name.utf8 {
      if byte < 0x80 && byte != UInt8(ascii: "%") {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        text += "%\(String(byte, radix: 16))"
      }
    }
    return text
  }
}

extension Settings {
  /// The database that a client is led to; nil: there is none of that name.
  /// - Parameters:
  ///   - name: as clients know it, without a suffix.
  ///   - tenant: for whom the client acts, if for anybody.
  ///   - row: what the tenant's row in the table of tenants says of its place, where there is one.
  func poolDatabase(
    _ name: String, for tenant: TenantName?, row: DatabaseIsolation?
  ) throws(TenantRefusal) -> PoolDatabase? {
    guard let database = database(named: name) else { return nil }
    var override = TenantOverride()
    // A table that is no longer asked says nothing.
    if let row, tenancy.tenantsQuery != nil { override.database = row }
    guard let tenant, tenancyRules.isActive,
      let place = try tenancyRules.database(for: tenant, database: name, row: override)
    else { return PoolDatabase(database) }
    return PoolDatabase(database, of: tenant, at: place, row: override.database)
  }
}

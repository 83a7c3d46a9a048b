import Settings
import Tenancy

/// The database of a pool: one of the configuration's, or a tenant's own in place of it.
struct PoolDatabase: Sendable {
  /// The configuration's entry; where it is a tenant's own, with the place of that.
  let settings: DatabaseSettings
  /// Whose own it is; nil: it is for all.
  let tenant: TenantName?
  /// What its pools and its listening connection go by.
  ///
  /// A tenant's has a NUL in it, which no name has that a client can give: with a fallback `*` a
  /// client could ask for the other's database by its name. What is not ASCII is spelled out, for
  /// texts are compared by characters, but names of tenants by bytes.
  let key: String

  init(_ settings: DatabaseSettings) {
    self.settings = settings
    tenant = nil
    key = settings.name
  }

  /// - Parameter place: where the tenant's own is.
  init(_ settings: DatabaseSettings, of tenant: TenantName, at place: TenantDatabase) {
    self.settings = settings.moved(to: place)
    self.tenant = tenant
    key = "\(Self.spelled(settings.name))\0\(Self.spelled(tenant.text))"
  }

  /// Its name in the log.
  var title: String { tenant.map { "\(settings.name).\($0)" } ?? settings.name }

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
  func poolDatabase(_ name: String, for tenant: TenantName?) throws(TenantRefusal) -> PoolDatabase?
  {
    guard let database = database(named: name) else { return nil }
    guard let tenant, tenancyRules.isActive,
      let place = try tenancyRules.database(for: tenant, database: name)
    else { return PoolDatabase(database) }
    return PoolDatabase(database, of: tenant, at: place)
  }
}

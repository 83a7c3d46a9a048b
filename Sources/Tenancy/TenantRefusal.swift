import PostgresWire

/// Why a client cannot act for a tenant. No text of it has what a client or a token said, but for
/// names that passed the pattern.
public enum TenantRefusal: Error, Hashable, Sendable {
  /// No source has an answer, and there is no fallback.
  case noTenant
  /// The source's answer is no name of a tenant.
  case invalidName(TenantSource)
  /// The lists do not have it.
  case notAllowed(TenantName)
  /// Two sources name different tenants, or one names two.
  case contradiction(TenantSource, TenantSource)
  /// The startup parameter `options` cannot be read, so it may name another tenant.
  case unreadableOptions
  /// The login acts without a tenant, and names one.
  case loginWithoutTenant
  /// `SET` names another tenant than the one that a source in front of `set` has decided.
  case alreadyDecided(TenantSource)
  /// `set` is not among the sources.
  case setIsNoSource
  /// There is nothing to fill in.
  case missingValue(setting: String, placeholder: String)
  /// The value is none that this setting may have.
  case unfitValue(setting: String, reason: String)
  /// The settings together are more than the limits allow.
  case tooManySettings(limit: Int)
  /// The statements that make the settings are too long; `setting` is the first that has no room.
  case settingsTooLong(setting: String, limit: Int)
  /// The tenant's name does not fit a database's or a host's.
  case unfitDatabase(reason: String)
  /// The table of tenants does not have it.
  case unknownTenant(TenantName)
  /// The table has what can not be.
  case unusableRow(reason: String)
  /// There is no answer from the table.
  case tableSilent

  /// It comes from the table of tenants.
  public var isOfTable: Bool {
    switch self {
    case .unknownTenant, .unusableRow, .tableSilent: true
    default: false
    }
  }

  /// The SQLSTATE to send.
  public var sqlstate: String {
    switch self {
    case .noTenant, .invalidName, .notAllowed, .contradiction, .unreadableOptions,
      .loginWithoutTenant, .unknownTenant:
      SQLState.invalidAuthorizationSpecification
    case .alreadyDecided, .setIsNoSource: SQLState.insufficientPrivilege
    case .missingValue, .unfitValue, .tooManySettings, .settingsTooLong, .unfitDatabase,
      .unusableRow, .tableSilent:
      SQLState.configurationLimitExceeded
    }
  }

  /// The primary message to send.
  public var message: String {
    switch self {
    case .noTenant: "no tenant is named"
    case .invalidName(let source): "the answer of \"\(source)\" is no tenant's name"
    case .notAllowed(let tenant): "this login may not act for the tenant \"\(tenant)\""
    case .contradiction(let first, let second) where first == second:
      "\"\(first)\" names two tenants"
    case .contradiction(let first, let second):
      "\"\(first)\" and \"\(second)\" name different tenants"
    case .unreadableOptions: "the startup parameter \"options\" cannot be read for a tenant"
    case .loginWithoutTenant: "this login acts without a tenant and cannot name one"
    case .alreadyDecided(let source): "the tenant is decided by \"\(source)\""
    case .setIsNoSource: "the tenant cannot be changed by SET"
    case .missingValue(let setting, let placeholder):
      "the tenant's setting \"\(setting)\" needs \(placeholder), which this client does not have"
    case .unfitValue(let setting, let reason): "the tenant's setting \"\(setting)\" \(reason)"
    case .tooManySettings(let limit): "the tenant has more than \(limit) settings"
    case .settingsTooLong(let setting, let limit):
      "the tenant's settings are longer than \(limit) bytes, at \"\(setting)\""
    case .unfitDatabase(let reason): "the tenant's database \(reason)"
    case .unknownTenant(let tenant): "there is no tenant \"\(tenant)\""
    case .unusableRow(let reason): "the tenant's row can not be used: \(reason)"
    case .tableSilent: "the table of tenants gives no answer"
    }
  }
}

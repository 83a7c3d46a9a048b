import Tenancy

/// What loops tell each other of the table of tenants.
enum TenantMail: Sendable {
  // To the loop that reads the table.

  /// Ask for a tenant.
  case ask(TenantName, loop: Int32?)
  /// The connection has more to be read.
  case readOn

  // To the loops on which somebody waits.

  /// The answer; nil: whoever waits is to look again, for the configuration has changed.
  case answered(TenantName, TenantRows.Answer?)
}

/// What a tenant token says, and how it is written.
///
///     v1.KEY-ID.EXPIRY.TENANT.SIGNATURE
///
/// - `EXPIRY` is in seconds since 1970, as a decimal number; the token is good before it.
/// - `TENANT` is the tenant's UTF-8 bytes in lower-case hexadecimal digits.
/// - `SIGNATURE` is HMAC-SHA-256 in lower-case hexadecimal digits, over the four parts before it
///   with their dots, and the database and the login, each as a dot and hexadecimal digits. These
///   two are not in the token: the server knows them.
///
/// No part can hold a dot, so no two contents have the same signed bytes. The text is printable
/// ASCII without quotes and backslashes. `sluice.tenant()` in deploy/sql/sluice_tenancy.sql is
/// the other side.
public struct SignedToken: Hashable, Sendable {
  /// The setting that a token goes into, beside the tenant's plain settings.
  public static let setting = "sluice.token"
  /// The longest tenant, in bytes of UTF-8; the server takes tokens of up to 1,024.
  public static let maximumTenantBytes = 255
  /// The latest time that a token may name: the end of the year 9999.
  public static let latestExpiry = 253_402_300_799

  /// Tells the server which of its secrets to use.
  public var keyID: String
  /// In seconds since 1970.
  public var expiry: Int
  public var tenant: String
  /// The server's database: the name that Sluice logs in to, which a client may know by another.
  public var database: String
  /// The role that Sluice logs in as, which is `session_user` whatever role is set later.
  public var user: String

  public init(keyID: String, expiry: Int, tenant: String, database: String, user: String) {
    self.keyID = keyID
    self.expiry = expiry
    self.tenant = tenant
    self.database = database
    self.user = user
  }

  /// The parts before the signature.
  private var head: [UInt8] {
    Array("v1.\(keyID).\(expiry).".utf8) + Self.hexadecimal(Array(tenant.utf8))
  }

  /// The bytes that are signed.
  public var signedBytes: [UInt8] {
    let dot = [UInt8(ascii: ".")]
    return head + dot + Self.hexadecimal(Array(database.utf8)) + dot
      + Self.hexadecimal(Array(user.utf8))
  }

  /// The token with `signature`, which is the HMAC of `signedBytes`.
  public func text(signature: [UInt8]) -> String {
    String(
      decoding: head + [UInt8(ascii: ".")] + Self.hexadecimal(signature), as: UTF8.self)
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 2)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return text
  }
}

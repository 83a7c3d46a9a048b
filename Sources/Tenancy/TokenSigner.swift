import PostgresAuth

/// Makes the tokens that `sluice.tenant()` takes, with one secret.
///
/// The same tenant, database and user have the same token for a quarter of the lifetime, so that it
/// can be kept: expiry is `now` plus the lifetime, rounded up to a multiple of that quarter. Who
/// asks again at `renewal(now:)` always has a token that is good for the lifetime or longer, but
/// for less than five quarters of it.
public struct TokenSigner: Sendable, Redacted {
  /// Why there is no signer, or no token. Nothing of a secret is in it.
  public enum Fault: Error, Hashable, Sendable {
    /// It has fewer than `minimumSecretBytes`.
    case secretTooShort
    /// It is not 1 to 32 ASCII letters, digits, hyphens and underscores.
    case keyIDInvalid
    /// It is outside of `lifetimes`.
    case lifetimeOutOfRange
    /// The tenant is empty, longer than `SignedToken.maximumTenantBytes`, or holds a NUL.
    case tenantInvalid
    /// The time is before 1970 or after the year 9999.
    case timeOutOfRange
    /// libcrypto gives no HMAC.
    case digestUnavailable
  }

  /// A secret has as many bytes as the digest, or more (RFC 2104 section 3).
  public static let minimumSecretBytes = 32
  /// The lifetimes that a signer takes, in seconds.
  public static let lifetimes = 4...86_400
  public static let defaultLifetimeSeconds = 300

  public let keyID: String
  /// In seconds.
  public let lifetime: Int
  private let secret: [UInt8]

  /// - Parameters:
  ///   - keyID: what `sluice.set_secret` was given beside the secret.
  ///   - secret: its bytes; `sluice.set_secret` takes the UTF-8 bytes of its text.
  ///   - lifetime: how long a token is good at least, in seconds. It has to cover what the clocks
  ///     of Sluice and of the server differ by, but not the length of a transaction.
  public init(
    keyID: String, secret: [UInt8], lifetime: Int = Self.defaultLifetimeSeconds
  ) throws(Fault) {
    guard secret.count >= Self.minimumSecretBytes else { throw .secretTooShort }
    guard (1...32).contains(keyID.utf8.count), keyID.utf8.allSatisfy(Self.isKeyIDByte) else {
      throw .keyIDInvalid
    }
    guard Self.lifetimes.contains(lifetime) else { throw .lifetimeOutOfRange }
    guard Digest.hmacSHA256(key: secret, message: []) != nil else { throw .digestUnavailable }
    self.keyID = keyID
    self.secret = secret
    self.lifetime = lifetime
  }

  /// The token for the setting `SignedToken.setting`; see `SignedToken` for its form.
  ///
  /// - Parameters:
  ///   - database: the name that the server connection is logged in to.
  ///   - user: the role that the server connection is logged in as.
  ///   - now: in seconds since 1970.
  public func token(
    tenant: String, database: String, user: String, now: Int
  ) throws(Fault) -> String {
    guard (1...SignedToken.maximumTenantBytes).contains(tenant.utf8.count),
      !tenant.utf8.contains(0)
    else { throw .tenantInvalid }
    guard times.contains(now) else { throw .timeOutOfRange }
    let token = SignedToken(
      keyID: keyID, expiry: expiry(now: now), tenant: tenant, database: database, user: user)
    guard let signature = Digest.hmacSHA256(key: secret, message: token.signedBytes) else {
      throw .digestUnavailable
    }
    return token.text(signature: signature)
  }

  /// When a token made at `now` stops being good. A time that `token` refuses counts as the
  /// nearest one that it takes.
  public func expiry(now: Int) -> Int {
    let now = min(max(now, times.lowerBound), times.upperBound)
    return (now + lifetime + step - 1) / step * step
  }

  /// The first time after `now` at which `token` gives another one.
  public func renewal(now: Int) -> Int {
    expiry(now: now) - lifetime + 1
  }

  private var step: Int { lifetime / 4 }
  private var times: ClosedRange<Int> { 0...SignedToken.latestExpiry - 2 * lifetime }

  private static func isKeyIDByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}

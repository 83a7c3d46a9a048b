/// Names that are dangerous wherever a statement has them.
///
/// A database in a single-byte encoding folds the bytes above 0x7F of a name by its locale, and in
/// a Turkish one 0xDD becomes `i`: a name with such a byte is compared up to its first `i` only.
enum SQLName {
  /// PostgreSQL cuts names at 63 bytes.
  static let maxBytes = 63

  /// A name as PostgreSQL folds it: ASCII in lower case, cut to what the server keeps.
  static func folded(_ bytes: ArraySlice<UInt8>) -> String {
    if bytes.count > maxBytes { return clipped(bytes.prefix(maxBytes + 1).map { lowerCased($0) }) }
    return unsafe String(unsafeUninitializedCapacity: bytes.count) { buffer in
      var count = 0
      for byte in bytes {
        unsafe buffer[count] = lowerCased(byte)
        count += 1
      }
      return count
    }
  }

  /// A name in quotes as PostgreSQL takes it: `""` is one quote.
  static func unquoted(_ bytes: ArraySlice<UInt8>) -> String {
    var name: [UInt8] = []
    var index = bytes.startIndex
    while index < bytes.endIndex, name.count <= maxBytes {
      name.append(bytes[index])
      index += bytes[index] == UInt8(ascii: "\"") ? 2 : 1
    }
    return clipped(name)
  }

  private static func clipped(_ name: [UInt8]) -> String {
    guard name.count > maxBytes else { return String(decoding: name, as: UTF8.self) }
    var count = maxBytes
    // Not within a character.
    while count > 0, name[count] & 0xc0 == 0x80 { count -= 1 }
    return String(decoding: name[..<count], as: UTF8.self)
  }

  static func lowerCased(_ byte: UInt8) -> UInt8 {
    (0x41...0x5a).contains(byte) ? byte | 0x20 : byte
  }

  static func lowerCased(_ text: String) -> String {
    String(decoding: text.utf8.map { lowerCased($0) }, as: UTF8.self)
  }

  /// Whether a name is `word`, in whichever case.
  static func equals(_ bytes: ArraySlice<UInt8>, _ word: StaticString) -> Bool {
    guard bytes.count == word.utf8CodeUnitCount else { return false }
    for index in 0..<bytes.count
    where unsafe lowerCased(bytes[bytes.startIndex + index]) != word.utf8Start[index] {
      return false
    }
    return true
  }

  /// Whether a name can be one of those below. All begin so: pg_, ts_, set_, query_.
  static func mayMatter(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard bytes.count >= 7 else { return false }
    let start = bytes.startIndex
    return bytes[start + 2] == 0x5f || bytes[start + 3] == 0x5f || bytes[start + 5] == 0x5f
  }

  static func isASCII(_ name: String) -> Bool { name.utf8.allSatisfy { $0 < 0x80 } }

  /// Byte by byte: a letter and a mark behind it are one character to `hasPrefix`.
  private static func begins(_ name: String, _ beginning: String) -> Bool {
    name.utf8.starts(with: beginning.utf8)
  }

  /// Whether `name` is `other`, or could fold to it.
  private static func matches(_ name: String, _ other: String, upTo beginning: String) -> Bool {
    name == other || (begins(name, beginning) && !isASCII(name))
  }

  static func isSetConfig(_ name: String) -> Bool {
    matches(name, "set_config", upTo: "set_conf")
  }

  /// The view whose UPDATE calls set_config (system_views.sql, rule pg_settings_u).
  static func isSettingsView(_ name: String) -> Bool {
    matches(name, "pg_settings", upTo: "pg_sett")
  }

  static func isTemporarySchema(_ name: String) -> Bool { begins(name, "pg_temp") }

  /// Functions of PostgreSQL's own that execute a text they are given.
  static func executesText(_ name: String) -> Bool {
    name == "ts_stat" || matches(name, "ts_rewrite", upTo: "ts_rewr")
      || begins(name, "query_to_xml")
  }

  /// What the function of this name does to the session's advisory locks.
  static func advisoryEffect(_ name: String) -> SessionEffects {
    let isAdvisory = begins(name, "pg_adv") || begins(name, "pg_try_adv")
    if !isAdvisory { return [] }
    if begins(name, "pg_advisory_xact") || begins(name, "pg_try_advisory_xact") { return [] }
    if !isASCII(name) { return .advisoryLock }
    if begins(name, "pg_advisory_unlock") { return .release }
    return begins(name, "pg_advisory_") || begins(name, "pg_try_advisory_")
      ? .advisoryLock : []
  }

  private static let hidingWords: Set<String> = [
    "set", "reset", "listen", "unlisten", "prepare", "deallocate", "load", "temp", "temporary",
    "discard", "execute", "hold",
  ]

  /// A word that code which is not read as statements can't have and be harmless.
  static func isSuspicious(_ word: String) -> Bool {
    hidingWords.contains(word) || isSetConfig(word) || isSettingsView(word)
      || isTemporarySchema(word) || executesText(word) || !advisoryEffect(word).isEmpty
  }
}

import TestSupport

/// Texts glued at random from what is tricky.
extension SQLCases {
  private static let beginnings = [
    "SELECT ", "select", "UPDATE t ", "WITH ", "INSERT ", "BEGIN", "EXPLAIN ", "COMMIT",
    "/* */ SELECT ",
    "/*", "--", " \n", "SET ", "DO ", "PREPARE a AS ", "Create ", "end", "VALUES(", "EXECUTE ", "",
  ]

  private static let fragments = [
    " ", "\n", "\r", "\t", ";", ";;", "'", "''", "\"", "\"\"", "\\", "\\'", "E'", "e'", "U&'",
    "u&\"",
    "$$", "$a$", "$", "$1", "/*", "*/", "--", "(", ")", ",", ".", "=", "[", "]", "::", "&", "_",
    "1",
    "set", "SET ", "local ", "session ", "reset ", "all", "set_config", "SET_CONFIG('a.b', 'c', ",
    "true)", "false)", "pg_advisory_lock", "pg_advisory_xact_lock", "PG_ADVISORY_UNLOCK", "temp",
    " TEMP ", "temporary", "pg_temp", "into ", "create ", "listen ", "UNLISTEN *", "prepare ",
    "load ", "discard all", "declare c cursor with hold ", "update pg_settings ", "UPDATE ", "do ",
    "execute ", "a", "b", "x ", "é", "İ", "company", "created_at", "u_s", "ts_stat",
    "query_to_xml",
    "search_path", "UESCAPE", "begin ", "atomic ", "end", "to ", "default", "0", "+",
    "transaction ",
  ]

  static func glued(_ generator: inout SeededGenerator) -> [UInt8] {
    var bytes = Array(beginnings[generator.below(beginnings.count)].utf8)
    for _ in 0..<generator.below(14) {
      var fragment = Array(fragments[generator.below(fragments.count)].utf8)
      if generator.chance(10) {
        fragment = fragment.map { (0x61...0x7a).contains($0) ? $0 ^ 0x20 : $0 }
      }
      bytes += fragment
      if generator.chance(30) { bytes.append(UInt8(ascii: " ")) }
      if generator.chance(2) { bytes.append(UInt8(0x80 + generator.below(128))) }
    }
    return bytes
  }
}

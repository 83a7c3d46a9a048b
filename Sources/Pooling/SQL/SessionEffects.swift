/// What a text could do to its session beyond its transaction.
///
/// Conservative: a flag may stand for nothing, but nothing that the text shows goes without one.
/// What a function or a procedure of the database does when it is called is not seen.
public struct SessionEffects: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// SET or RESET of the session's settings, set_config(..., false): `SQLAnalysis.settingNames`.
  public static let settings = SessionEffects(rawValue: 1 << 0)
  /// Some setting, and nobody can say which.
  public static let unknownSettings = SessionEffects(rawValue: 1 << 1)
  /// RESET ALL.
  public static let resetAll = SessionEffects(rawValue: 1 << 2)
  /// DISCARD ALL.
  public static let discardAll = SessionEffects(rawValue: 1 << 3)
  /// A temporary table, view, sequence or function, or a search_path that may lead to pg_temp.
  public static let temporary = SessionEffects(rawValue: 1 << 4)
  /// An advisory lock that outlives the transaction.
  public static let advisoryLock = SessionEffects(rawValue: 1 << 5)
  /// DECLARE ... WITH HOLD.
  public static let holdCursor = SessionEffects(rawValue: 1 << 6)
  /// PREPARE name AS. What the statement does is flagged with it; EXECUTE has no flag.
  public static let preparedSQL = SessionEffects(rawValue: 1 << 7)
  /// LOAD.
  public static let library = SessionEffects(rawValue: 1 << 8)
  /// LISTEN: `SQLAnalysis.listens`.
  public static let listen = SessionEffects(rawValue: 1 << 9)
  /// UNLISTEN: `SQLAnalysis.unlistens`, `SQLAnalysis.unlistensAll`.
  public static let unlisten = SessionEffects(rawValue: 1 << 10)
  /// DEALLOCATE: `SQLAnalysis.deallocations`.
  public static let deallocate = SessionEffects(rawValue: 1 << 11)
  /// What may give back something of the above: DROP, CLOSE, DISCARD, DEALLOCATE, UNLISTEN,
  /// pg_advisory_unlock.
  public static let release = SessionEffects(rawValue: 1 << 12)
  /// Code that is not read as statements, a DO block's for one, and that may do any of the above.
  public static let procedural = SessionEffects(rawValue: 1 << 13)
  /// The first statement is one that a failed transaction still takes: COMMIT, END, ROLLBACK,
  /// ROLLBACK TO, ABORT, PREPARE TRANSACTION.
  public static let exitsTransaction = SessionEffects(rawValue: 1 << 14)
  /// What other statements give may have another shape after it: ALTER of a table, a view or a
  /// type, CREATE OR REPLACE.
  public static let schema = SessionEffects(rawValue: 1 << 15)
  /// Some setting of the transaction, or one that a function, a role or a database is given, and
  /// nobody can say which; a view on pg_settings. The session itself keeps nothing of it.
  public static let unknownLocalSettings = SessionEffects(rawValue: 1 << 16)
}

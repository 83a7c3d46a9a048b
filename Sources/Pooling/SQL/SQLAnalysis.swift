/// What the text of a simple query, or of a Parse, could do to its session.
///
/// Names are folded and cut at 63 bytes as PostgreSQL does in a UTF-8 database; bytes that are no
/// UTF-8 become U+FFFD. Names of settings are ASCII: others count as `unknownSettings`.
public struct SQLAnalysis: Equatable, Sendable {
  /// `SET [SESSION] name = value`, the value as PostgreSQL takes it.
  public struct Assignment: Equatable, Sendable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// One setting, assigned by a text that does nothing else.
  public struct SoleAssignment: Equatable, Sendable {
    public enum Value: Equatable, Sendable {
      /// As PostgreSQL takes it. ASCII.
      case text(String)
      /// All of the value is this parameter of the statement, counted from one.
      case parameter(Int)
      /// What the session began with.
      case `default`
    }

    /// What PostgreSQL answers.
    public enum Form: Equatable, Sendable {
      /// CommandComplete SET.
      case set
      /// CommandComplete RESET.
      case reset
      /// SELECT set_config(...): a row with the value that the setting has then.
      case select
    }

    /// Lower-cased.
    public var name: String
    /// SET LOCAL, set_config(..., true).
    public var isLocal: Bool
    public var value: Value
    public var form: Form
    /// Of a `select`: the one column's name.
    public var columnName: String?

    public init(name: String, isLocal: Bool, value: Value, form: Form, columnName: String?) {
      self.name = name
      self.isLocal = isLocal
      self.value = value
      self.form = form
      self.columnName = columnName
    }
  }

  /// What a DEALLOCATE names.
  public enum Deallocation: Equatable, Sendable {
    case all
    case name(String)
  }

  public var effects: SessionEffects = []
  /// The settings that the text gives the session, lower-cased: those of SET (not SET LOCAL), RESET
  /// and set_config(..., false). SET NAMES is client_encoding, SET TIME ZONE timezone, SET SCHEMA
  /// search_path, SET SESSION AUTHORIZATION session_authorization and role; a setting's name of old
  /// is here with the name of today. No setting is here that ends with its transaction, nor seed.
  public var settingNames: [String] = []
  /// The settings that the text gives its transaction alone, lower-cased: those of SET LOCAL and
  /// set_config(..., true), named as in `settingNames`. No effect stands for them.
  public var localNames: [String] = []
  /// The settings that the text gives to a function, a role, a database or the server, or takes
  /// from them, lower-cased: SET and RESET in CREATE FUNCTION and PROCEDURE, and in ALTER FUNCTION,
  /// PROCEDURE, ROUTINE, ROLE, USER, DATABASE and SYSTEM. Also those that the body of a function or
  /// of a DO block shows. They come to be set later, or elsewhere. No effect stands for them.
  public var attachedNames: [String] = []
  public var listens: [String] = []
  public var unlistens: [String] = []
  /// UNLISTEN *.
  public var unlistensAll = false
  public var deallocations: [Deallocation] = []
  /// How many statements there are that are not empty. Those in the body of a function that is
  /// written as BEGIN ATOMIC ... END count too.
  public var statementCount = 0
  /// Set where the text is one `SET [SESSION] name {TO | =} value` and nothing else, the value one
  /// plain string, number or word. nil for session_authorization, which sets role too, and for a
  /// list such as search_path unless its value is one lower-case name.
  public var plainAssignment: Assignment?
  /// Set where the text is one `RESET name` or `SET [SESSION] name TO DEFAULT` and nothing else;
  /// nil for session_authorization.
  public var plainReset: String?
  /// Set where the text is one statement that assigns one setting, and all of that can be told to
  /// the letter: SET [LOCAL] name, SET ROLE, SET SCHEMA, RESET name, SELECT set_config('name',
  /// ...). nil for what ends with its transaction in any case, for seed, for session_authorization
  /// and names of old, and for a list such as search_path if SET gives it more than one lower-case
  /// name.
  public var soleAssignment: SoleAssignment?
  /// Set where the text is one `SELECT set_config(...)` whose name or third argument is a
  /// parameter.
  public var openAssignment: OpenAssignment?
  /// The text's last statement that is not empty is RESET ALL, and no other of its statements is.
  public var endsWithResetAll = false
  /// One of its statements is BEGIN or START TRANSACTION.
  public var beginsTransaction = false
  /// One of its statements ends the transaction: COMMIT, END, ROLLBACK, ABORT, PREPARE TRANSACTION;
  /// not ROLLBACK TO.
  public var endsTransaction = false
  /// Behind such a one comes another than those and BEGIN.
  public var worksBehindEnd = false
  /// One of its statements is EXECUTE.
  public var executes = false

  public init() {}

  /// More names than this are not kept.
  static let maxNames = 64

  mutating func addSetting(_ name: String) { keep(Self.append(name, to: &settingNames)) }
  mutating func addLocal(_ name: String) { keep(Self.append(name, to: &localNames)) }
  mutating func addAttached(_ name: String) { keep(Self.append(name, to: &attachedNames)) }
  mutating func addListen(_ name: String) { keep(Self.append(name, to: &listens)) }
  mutating func addUnlisten(_ name: String) { keep(Self.append(name, to: &unlistens)) }
  mutating func add(_ deallocation: Deallocation) {
    keep(Self.append(deallocation, to: &deallocations))
  }

  /// False where the list is full.
  private static func append<Item: Equatable>(_ item: Item, to list: inout [Item]) -> Bool {
    if list.contains(item) { return true }
    guard list.count < maxNames else { return false }
    list.append(item)
    return true
  }

  private mutating func keep(_ isKept: Bool) {
    if !isKept { effects.formUnion([.unknownSettings, .procedural]) }
  }

  /// Takes over what another reading of the same text found.
  mutating func merge(_ other: SQLAnalysis) {
    effects.formUnion(other.effects)
    for name in other.settingNames { addSetting(name) }
    for name in other.localNames { addLocal(name) }
    for name in other.attachedNames { addAttached(name) }
    for name in other.listens { addListen(name) }
    for name in other.unlistens { addUnlisten(name) }
    unlistensAll = unlistensAll || other.unlistensAll
    for item in other.deallocations { add(item) }
    statementCount = max(statementCount, other.statementCount)
    plainAssignment = nil
    plainReset = nil
    soleAssignment = nil
    openAssignment = nil
    endsWithResetAll = endsWithResetAll && other.endsWithResetAll
    endsTransaction = endsTransaction || other.endsTransaction
    worksBehindEnd = worksBehindEnd || other.worksBehindEnd
    executes = executes || other.executes
  }
}

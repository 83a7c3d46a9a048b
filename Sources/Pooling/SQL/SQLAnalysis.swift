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

  /// What a DEALLOCATE names.
  public enum Deallocation: Equatable, Sendable {
    case all
    case name(String)
  }

  public var effects: SessionEffects = []
  /// The settings that the text gives the session, lower-cased: those of SET (not SET LOCAL), RESET
  /// and set_config(..., false). SET NAMES is client_encoding, SET TIME ZONE timezone, SET SCHEMA
  /// search_path, SET SESSION AUTHORIZATION session_authorization and role. No setting is here
  /// that ends with its transaction, nor seed.
  public var settingNames: [String] = []
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

  public init() {}

  /// More names than this are not kept.
  static let maxNames = 64

  mutating func addSetting(_ name: String) { keep(Self.append(name, to: &settingNames)) }
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
    for name in other.listens { addListen(name) }
    for name in other.unlistens { addUnlisten(name) }
    unlistensAll = unlistensAll || other.unlistensAll
    for item in other.deallocations { add(item) }
    statementCount = max(statementCount, other.statementCount)
    plainAssignment = nil
    plainReset = nil
  }
}

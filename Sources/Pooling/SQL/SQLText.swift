public struct SessionEffects: OptionSet, Sendable, Hashable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  public static let settings = SessionEffects(rawValue: 1)
  public static let unknownSettings = SessionEffects(rawValue: 2)
  public static let resetAll = SessionEffects(rawValue: 4)
  public static let discardAll = SessionEffects(rawValue: 8)
  public static let temporary = SessionEffects(rawValue: 16)
  public static let advisoryLock = SessionEffects(rawValue: 32)
  public static let holdCursor = SessionEffects(rawValue: 64)
  public static let preparedSQL = SessionEffects(rawValue: 128)
  public static let library = SessionEffects(rawValue: 256)
  public static let listen = SessionEffects(rawValue: 512)
  public static let unlisten = SessionEffects(rawValue: 1024)
  public static let deallocate = SessionEffects(rawValue: 2048)
  public static let release = SessionEffects(rawValue: 4096)
  public static let procedural = SessionEffects(rawValue: 8192)
  public static let exitsTransaction = SessionEffects(rawValue: 16384)
}
public struct SQLAnalysis: Equatable, Sendable {
  public enum Deallocation: Equatable, Sendable { case all, name(String) }
  public struct Assignment: Equatable, Sendable { public var name: String; public var value: String }
  public var effects: SessionEffects = []
  public var settingNames: [String] = []
  public var listens: [String] = []
  public var unlistens: [String] = []
  public var unlistensAll = false
  public var deallocations: [Deallocation] = []
  public var statementCount = 1
  public var plainAssignment: Assignment?
  public var plainReset: String?
}
public enum SQLText {
  @inlinable public static func isPlain(_ text: RawSpan) -> Bool { true }
  public static func hasSuspect(_ text: RawSpan) -> Bool { false }
  public static func analyse(_ text: RawSpan) -> SQLAnalysis { SQLAnalysis() }
}

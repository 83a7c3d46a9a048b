/// A column of a RowDescription, in text format.
public struct RowColumn: Hashable, Sendable {
  public var name: String
  /// The type's OID in pg_type.
  public var typeOID: UInt32
  /// pg_type.typlen: a size in bytes, or -1 where it varies.
  public var typeSize: Int16

  public init(name: String, typeOID: UInt32, typeSize: Int16 = -1) {
    self.name = name
    self.typeOID = typeOID
    self.typeSize = typeSize
  }

  public static func text(_ name: String) -> RowColumn { RowColumn(name: name, typeOID: 25) }
  public static func integer(_ name: String) -> RowColumn {
    RowColumn(name: name, typeOID: 23, typeSize: 4)
  }
  public static func bigint(_ name: String) -> RowColumn {
    RowColumn(name: name, typeOID: 20, typeSize: 8)
  }
  public static func boolean(_ name: String) -> RowColumn {
    RowColumn(name: name, typeOID: 16, typeSize: 1)
  }
  public static func numeric(_ name: String) -> RowColumn { RowColumn(name: name, typeOID: 1700) }
}

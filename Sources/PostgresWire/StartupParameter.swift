/// A name and its value, as startup packets carry them.
public struct StartupParameter: Hashable, Sendable {
  public var name: String
  public var value: String

  public init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

/// Sets of tracked parameters (client_encoding, DateStyle, ...), each kept once however many
/// connections have it, so that a client and a server are compared by number.
///
/// Counted: a set goes when the last connection that has it lets go, so what clients send at login
/// can't grow it beyond the number of connections.
public struct ParameterSets: Sendable {
  /// Names a set. Equal sets have equal numbers.
  public typealias Number = Int32

  /// A set: the tracked parameters' values, and what else has been SET in the session.
  public struct Values: Hashable, Sendable {
    var tracked: [String?]
    /// Other settings of the session in the order in which they were last SET.
    public var session: [Setting] = []

    init(tracked: [String?]) { self.tracked = tracked }

    public static func == (left: Values, right: Values) -> Bool {
      left.session == right.session
        && left.tracked.elementsEqual(right.tracked) { isSame($0, $1) }
    }

    public subscript(index: Int) -> String? {
      get { tracked[index] }
      set { tracked[index] = newValue }
    }

    /// Remembers that a setting that is not tracked has a value; nil: that it has its default.
    public mutating func set(_ name: String, _ value: String?) {
      session.removeAll { isSame($0.name, name) }
      if let value { session.append(Setting(name: name, value: value)) }
    }
  }

  /// A setting of a session that is not tracked.
  public struct Setting: Hashable, Sendable {
    /// In lower case.
    public var name: String
    public var value: String

    public static func == (left: Setting, right: Setting) -> Bool {
      isSame(left.name, right.name) && isSame(left.value, right.value)
    }
  }

  /// Whether two values are the same to a server: byte for byte. To Swift `é` is the same as `e`
  /// and an accent.
  public static func isSame(_ left: String?, _ right: String?) -> Bool {
    switch (left, right) {
    case (nil, nil): true
    case (let left?, let right?): left.utf8.elementsEqual(right.utf8)
    default: false
    }
  }

  /// PgBouncer's tracked parameters, in the server's spelling.
  public static let standardNames = [
    "client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings", "application_name",
  ]

  private struct Entry: Sendable {
    var values: Values
    var uses: Int
  }

  /// The tracked names, in the order of a set's values.
  public let names: [String]
  private let indices: [String: Int]
  private var entries: [Entry?] = []
  private var free: [Number] = []
  private var numbers: [Values: Number] = [:]

  /// - Parameter extra: the setting track_extra_parameters.
  public init(extra: [String]) {
    var names = Self.standardNames
    for name in extra where !names.contains(where: { $0.lowercased() == name.lowercased() }) {
      names.append(name)
    }
    self.names = names
    indices = Dictionary(
      uniqueKeysWithValues: names.enumerated().map { ($1.lowercased(), $0) })
  }

  /// The place of a parameter in a set; nil where it is not tracked. Case does not matter.
  public func index(of name: String) -> Int? { indices[name.lowercased()] }

  /// A set in which nothing is known.
  public var unknown: Values { Values(tracked: Array(repeating: nil, count: names.count)) }

  public func values(_ number: Number) -> Values {
    guard number >= 0, let entry = entries[Int(number)] else { return unknown }
    return entry.values
  }

  /// The number of a set, with one more use of it.
  public mutating func intern(_ values: Values) -> Number {
    if let number = numbers[values] {
      entries[Int(number)]?.uses += 1
      return number
    }
    let number: Number
    if let reused = free.popLast() {
      number = reused
      entries[Int(reused)] = Entry(values: values, uses: 1)
    } else {
      number = Number(entries.count)
      entries.append(Entry(values: values, uses: 1))
    }
    numbers[values] = number
    return number
  }

  /// Counts one more use.
  public mutating func retain(_ number: Number) {
    guard number >= 0 else { return }
    entries[Int(number)]?.uses += 1
  }

  /// Counts one use less.
  public mutating func release(_ number: Number) {
    guard number >= 0, var entry = entries[Int(number)] else { return }
    entry.uses -= 1
    if entry.uses > 0 {
      entries[Int(number)] = entry
      return
    }
    numbers[entry.values] = nil
    entries[Int(number)] = nil
    free.append(number)
  }

  /// How many different sets are kept.
  public var count: Int { numbers.count }

  /// What brings a server with the set `from` to the set `to`, step by step.
  public enum Step: Equatable, Sendable {
    case set(String, String)
    /// The client has no value of its own, and the server has one that was SET for another.
    case reset(String)
  }

  public func steps(from: Number, to: Number) -> [Step] {
    let have = values(from)
    let want = values(to)
    var steps: [Step] = []
    var kept: [Setting] = []
    if have.session != want.session {
      // Who one is decides what one may SET: then all is done anew, in the client's order.
      let changesRole = (have.session + want.session).contains { Self.roles.contains($0.name) }
      if changesRole { steps = [.reset("session_authorization"), .reset("role")] }
      kept = changesRole ? [] : have.session.filter { want.session.contains($0) }
      for setting in have.session
      where !Self.roles.contains(setting.name) && !kept.contains(setting) {
        steps.append(.reset(setting.name))
      }
    }
    for index in names.indices where !Self.isSame(want[index], have[index]) {
      steps.append(want[index].map { .set(names[index], $0) } ?? .reset(names[index]))
    }
    if have.session != want.session {
      for setting in want.session where !kept.contains(setting) {
        steps.append(.set(setting.name, setting.value))
      }
    }
    return steps
  }

  /// Settings that decide whose rights a session has.
  private static let roles: Set<String> = ["role", "session_authorization"]
}

/// Ties a setting's value to a typed property of `Root`.
struct Field<Root>: Sendable {
  typealias Path<Value> = WritableKeyPath<Root, Value> & Sendable

  let type: SettingType
  /// Whether the property can be unset; -1 in a file then means unset, as in PgBouncer.
  let isOptional: Bool
  /// Nil for an optional property that is not set.
  let get: @Sendable (Root) -> SettingValue?
  /// Takes values that `type` has read, nothing else.
  let set: @Sendable (inout Root, SettingValue?) -> Void

  private init(
    _ type: SettingType, isOptional: Bool = false,
    get: @escaping @Sendable (Root) -> SettingValue?,
    set: @escaping @Sendable (inout Root, SettingValue?) -> Void
  ) {
    self.type = type
    self.isOptional = isOptional
    self.get = get
    self.set = set
  }

  static func text(_ path: Path<String>) -> Field {
    Field(.text, get: { .text($0[keyPath: path]) }, set: { $0[keyPath: path] = $1?.text ?? "" })
  }

  static func secret(_ path: Path<Secret>) -> Field {
    Field(
      .secret, get: { .secret($0[keyPath: path]) },
      set: { $0[keyPath: path] = $1?.secret ?? Secret("") })
  }

  static func list(_ path: Path<[String]>) -> Field {
    Field(.list, get: { .list($0[keyPath: path]) }, set: { $0[keyPath: path] = $1?.list ?? [] })
  }

  static func flag(_ path: Path<Bool>) -> Field {
    Field(
      .flag, get: { .flag($0[keyPath: path]) }, set: { $0[keyPath: path] = $1?.flag ?? false })
  }

  static func number(_ type: SettingType, _ path: Path<Int>) -> Field {
    Field(
      type, get: { .integer($0[keyPath: path]) }, set: { $0[keyPath: path] = $1?.integer ?? 0 })
  }

  static func time(_ type: SettingType, _ path: Path<Duration>) -> Field {
    Field(
      type, get: { .duration($0[keyPath: path]) },
      set: { $0[keyPath: path] = $1?.duration ?? .zero })
  }

  static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
    _ path: Path<Choice>, warned: [String: String] = [:], refused: [String: String] = [:]
  ) -> Field {
    Field(
      .choices(of: Choice.self, warned: warned, refused: refused),
      get: { .text($0[keyPath: path].rawValue) },
      set: { root, value in
        if let choice = Choice(rawValue: value?.text ?? "") { root[keyPath: path] = choice }
      })
  }
}

extension Field {
  static func optionalText(_ path: Path<String?>) -> Field {
    Field(
      .text, isOptional: true, get: { $0[keyPath: path].map { .text($0) } },
      set: { $0[keyPath: path] = $1?.text })
  }

  static func optionalSecret(_ path: Path<Secret?>) -> Field {
    Field(
      .secret, isOptional: true, get: { $0[keyPath: path].map { .secret($0) } },
      set: { $0[keyPath: path] = $1?.secret })
  }

  static func optionalSize(_ path: Path<Int?>) -> Field {
    Field(
      .integer(0...SettingDefinition.maximumSize), isOptional: true,
      get: { $0[keyPath: path].map { .integer($0) } },
      set: { $0[keyPath: path] = $1?.integer })
  }

  static func optionalInteger(_ range: ClosedRange<Int>, _ path: Path<Int?>) -> Field {
    Field(
      .integer(range), isOptional: true, get: { $0[keyPath: path].map { .integer($0) } },
      set: { $0[keyPath: path] = $1?.integer })
  }

  static func optionalInteger<Inner>(
    _ range: ClosedRange<Int>, _ outer: Path<Inner>, _ inner: Field<Inner>.Path<Int?>
  ) -> Field {
    Field(
      .integer(range), isOptional: true,
      get: { $0[keyPath: outer][keyPath: inner].map { .integer($0) } },
      set: { $0[keyPath: outer][keyPath: inner] = $1?.integer })
  }

  static func optionalList(_ path: Path<[String]?>) -> Field {
    Field(
      .list, isOptional: true, get: { $0[keyPath: path].map { .list($0) } },
      set: { $0[keyPath: path] = $1?.list })
  }

  static func optionalSeconds(_ path: Path<Duration?>) -> Field {
    Field(
      .seconds, isOptional: true, get: { $0[keyPath: path].map { .duration($0) } },
      set: { $0[keyPath: path] = $1?.duration })
  }

  static func optionalChoice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
    _ path: Path<Choice?>
  ) -> Field {
    Field(
      .choices(of: Choice.self, warned: [:], refused: [:]), isOptional: true,
      get: { $0[keyPath: path].map { .text($0.rawValue) } },
      set: { $0[keyPath: path] = ($1?.text).flatMap(Choice.init(rawValue:)) })
  }
}

extension SettingType {
  static func choices<Choice: RawRepresentable<String> & CaseIterable>(
    of type: Choice.Type, warned: [String: String], refused: [String: String]
  ) -> SettingType {
    let known = type.allCases.map { choice in
      let warning = warned[choice.rawValue]
      return SettingChoice(
        name: choice.rawValue, standing: warning.map { .warned($0) } ?? .done)
    }
    let others = refused.sorted { $0.key < $1.key }
      .map { SettingChoice(name: $0.key, standing: .refused($0.value)) }
    return .choice(known + others)
  }
}

extension SettingValue {
  var text: String? { if case .text(let value) = self { value } else { nil } }
  var secret: Secret? { if case .secret(let value) = self { value } else { nil } }
  var list: [String]? { if case .list(let value) = self { value } else { nil } }
  var flag: Bool? { if case .flag(let value) = self { value } else { nil } }
  var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  var duration: Duration? { if case .duration(let value) = self { value } else { nil } }
}

import Pooling

/// The analyser of texts, and its short cut.
enum SQLFuzz {
  static func run(_ input: [UInt8]) throws(Finding) {
    let text = input.span.bytes
    let isPlain = SQLText.isPlain(text)
    let hasSuspect = SQLText.hasSuspect(text)
    let analysis = SQLText.analyse(text)
    let effects = analysis.effects.subtracting(.exitsTransaction)
    try check(!isPlain || effects.isEmpty, "plain, but has the effects \(effects.rawValue)")
    let isPlainFromStart = isPlain && input[0] != UInt8(ascii: "/") && input[0] > 0x20
    try check(!isPlainFromStart || !hasSuspect, "plain, but with a suspect")
    try checkBounds(analysis, input)
    try checkLists(analysis)
    try checkFront(analysis, isPlain, input)
    try checkAssignment(analysis)
    try checkSole(analysis)
    try checkPlain(analysis, isPlain, input)
  }

  /// A text can't make an analysis that is larger than itself, but for bytes that are no UTF-8.
  private static func checkBounds(_ analysis: SQLAnalysis, _ input: [UInt8]) throws(Finding) {
    var bytes = 0
    let names = analysis.settingNames + analysis.localNames + analysis.attachedNames
    for name in names + analysis.listens + analysis.unlistens {
      bytes += name.utf8.count
    }
    for case .name(let name) in analysis.deallocations { bytes += name.utf8.count }
    // What has a backslash is read twice; some names are added that stand in no text.
    try check(bytes <= 6 * input.count + 256, "\(bytes) bytes of names")
    try check(analysis.statementCount <= input.count, "\(analysis.statementCount) statements")
    for count in [
      analysis.settingNames.count, analysis.localNames.count, analysis.attachedNames.count,
      analysis.listens.count, analysis.unlistens.count, analysis.deallocations.count,
    ] { try check(count <= 64, "\(count) names") }
  }

  /// A list has something only where its flag says so.
  private static func checkLists(_ analysis: SQLAnalysis) throws(Finding) {
    let effects = analysis.effects
    try check(analysis.settingNames.isEmpty || effects.contains(.settings), "settings")
    try check(analysis.listens.isEmpty || effects.contains(.listen), "listen")
    try check(analysis.unlistens.isEmpty || effects.contains(.unlisten), "unlisten")
    try check(!analysis.unlistensAll || effects.contains(.unlisten), "unlisten all")
    try check(analysis.deallocations.isEmpty || effects.contains(.deallocate), "deallocate")
    try check(
      analysis.plainAssignment == nil || analysis.plainReset == nil, "both set and reset")
    if analysis.plainAssignment != nil || analysis.plainReset != nil {
      try check(analysis.statementCount == 1, "plain among several")
    }
  }

  /// Space and empty statements in front hide nothing; nothing behind a NUL counts.
  private static func checkFront(
    _ analysis: SQLAnalysis, _ isPlain: Bool, _ input: [UInt8]
  ) throws(Finding) {
    let spaced = Array(" \n".utf8) + input
    try check(SQLText.isPlain(spaced.span.bytes) == isPlain, "space changes what is plain")
    try check(SQLText.analyse(spaced.span.bytes) == analysis, "space changes the analysis")
    let second = Array(";".utf8) + input
    let behind = SQLText.analyse(second.span.bytes)
    try check(behind.effects.isSuperset(of: analysis.effects), "an empty statement hides some")
    for (more, names) in [
      (behind.settingNames, analysis.settingNames), (behind.localNames, analysis.localNames),
      (behind.attachedNames, analysis.attachedNames),
    ] { try check(more == names, "an empty statement changes the names") }
    try check(behind.soleAssignment == analysis.soleAssignment, "an empty statement counts")
    try check(behind.endsWithResetAll == analysis.endsWithResetAll, "the end changes")
    if let end = input.firstIndex(of: 0) {
      let cut = Array(input[..<end])
      let same = SQLText.analyse(cut.span.bytes)
      try check(same == analysis, "a NUL is not the end")
    }
  }

  /// What is taken for an assignment can be written as one, and means the same.
  private static func checkAssignment(_ analysis: SQLAnalysis) throws(Finding) {
    guard let assignment = analysis.plainAssignment else { return }
    let isSimple = assignment.name.utf8.allSatisfy {
      (0x61...0x7a).contains($0) || $0 == UInt8(ascii: "_")
    }
    let isQuotable = !assignment.value.utf8.contains { "'\\\0".utf8.contains($0) }
    guard isSimple, isQuotable, !assignment.name.isEmpty else { return }
    let text = Array("SET SESSION \(assignment.name) = '\(assignment.value)'".utf8)
    let again = SQLText.analyse(text.span.bytes)
    try check(again.plainAssignment == assignment, "\(assignment.name) became another assignment")
  }

  /// A sole assignment is all that its text does.
  private static func checkSole(_ analysis: SQLAnalysis) throws(Finding) {
    try check(
      !analysis.endsWithResetAll || analysis.effects.contains(.resetAll), "ends with no RESET ALL")
    if analysis.openAssignment != nil {
      try check(analysis.statementCount == 1, "open among several")
      try check(analysis.soleAssignment == nil, "open, but sole")
      let unknown: SessionEffects = [.unknownSettings, .unknownLocalSettings]
      try check(!analysis.effects.isDisjoint(with: unknown), "open, but known")
    }
    guard let sole = analysis.soleAssignment else { return }
    try check(analysis.statementCount == 1, "sole among several")
    let names = sole.isLocal ? analysis.localNames : analysis.settingNames
    let others = sole.isLocal ? analysis.settingNames : analysis.localNames
    try check(names == [sole.name] && others.isEmpty, "sole, but of other names")
    try check(analysis.attachedNames.isEmpty, "sole, but attached")
    try check(analysis.effects.isSubset(of: [.settings, .temporary]), "sole, but with effects")
    try check((sole.columnName != nil) == (sole.form == .select), "a column's name")
    switch sole.value {
    case .text(let text):
      try check(text.utf8.count <= 1024 && text.utf8.allSatisfy { $0 < 0x80 }, "no exact value")
      try check(sole.form != .reset, "a reset to a value")
    case .parameter(let number):
      try check((1...65535).contains(number) && sole.form == .select, "no parameter")
    case .default: try check(sole.form != .select, "a default by a call")
    }
  }

  /// What is plain names no setting. If it is data too, a SET may stand in front of it.
  private static func checkPlain(
    _ analysis: SQLAnalysis, _ isPlain: Bool, _ input: [UInt8]
  ) throws(Finding) {
    let isData = SQLText.isData(input.span.bytes)
    guard isPlain else { return }
    try check(analysis.localNames.isEmpty && analysis.attachedNames.isEmpty, "plain, with names")
    try check(analysis.soleAssignment == nil && !analysis.endsWithResetAll, "plain, but sole")
    guard isData else { return }
    try check(!analysis.effects.contains(.exitsTransaction), "data that exits")
    // Of texts with a NUL in front of their end PostgreSQL takes none.
    guard !input.contains(0) else { return }
    let behind = Array("SET SESSION \"a\".\"b\"='x';".utf8) + input
    let both = SQLText.analyse(behind.span.bytes)
    try check(
      both.statementCount == 2 && both.settingNames == ["a.b"], "data, but not one statement")
  }
}

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
  }

  /// A text can't make an analysis that is larger than itself, but for bytes that are no UTF-8.
  private static func checkBounds(_ analysis: SQLAnalysis, _ input: [UInt8]) throws(Finding) {
    var bytes = 0
    for name in analysis.settingNames + analysis.listens + analysis.unlistens {
      bytes += name.utf8.count
    }
    for case .name(let name) in analysis.deallocations { bytes += name.utf8.count }
    // What has a backslash is read twice; some names are added that stand in no text.
    try check(bytes <= 6 * input.count + 256, "\(bytes) bytes of names")
    try check(analysis.statementCount <= input.count, "\(analysis.statementCount) statements")
    for count in [
      analysis.settingNames.count, analysis.listens.count, analysis.unlistens.count,
      analysis.deallocations.count,
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
}

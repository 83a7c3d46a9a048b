/// A client that was told something else than PostgreSQL tells it.
struct ScriptFinding: Sendable {
  private(set) var script: Script
  let client: Int
  let difference: Transcript.Difference
  let expected: Transcript
  let found: Transcript

  /// Nil where all clients were told the same. One that waits in vain is chosen last: whoever got a
  /// wrong answer tells more.
  init?(_ script: Script, expected: [Transcript], found: [Transcript]) {
    let differing = script.programs.indices.filter {
      expected[$0].difference(from: found[$0]) != nil
    }
    guard let client = differing.first(where: { found[$0].failure == nil }) ?? differing.first,
      let difference = expected[client].difference(from: found[client])
    else { return nil }
    self.script = script
    self.client = client
    self.difference = difference
    self.expected = expected[client]
    self.found = found[client]
  }
}

extension ScriptFinding {
  /// With that client's program alone, where the whole script could not be made smaller.
  var ofOneClient: ScriptFinding {
    var finding = self
    for index in script.programs.indices where index != client {
      finding.script.programs[index].steps = []
    }
    return finding
  }
}

extension ScriptFinding: CustomStringConvertible {
  var description: String {
    """
    client \(client) was told something else in step \(difference.step), message \
    \(difference.index).
    PostgreSQL:
    \(expected.excerpt(around: difference.index))\
    The other side:
    \(found.excerpt(around: difference.index))\
    The script:
    \(script)
    """
  }
}

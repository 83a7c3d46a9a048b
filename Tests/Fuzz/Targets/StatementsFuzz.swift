/// Two clients with prepared statements take turns on two servers.
///
/// The first byte is the limit of statements a server; every further one is a step, its high bits
/// what it is about.
enum StatementsFuzz {
  static func run(_ input: [UInt8]) throws(Finding) {
    var choices = Choices(input)
    var world = StatementsWorld(limit: choices.number(below: 4) + 1)
    while !choices.isAtEnd {
      let choice = choices.byte()
      try world.step(Int(choice & 15), about: Int(choice >> 4))
    }
    try world.end()
  }
}

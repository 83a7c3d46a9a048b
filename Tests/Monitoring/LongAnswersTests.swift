import Testing

@testable import Monitoring

@Suite struct LongAnswersTests {
  @Test func `long answers are bounded in number, short ones are not`() {
    let answers = LongAnswers()
    let long = [UInt8](repeating: 7, count: LongAnswers.shortest)
    var bodies = (0..<LongAnswers.limit).map { _ in answers.body(long) }
    #expect(bodies.allSatisfy { $0 != nil })
    #expect(answers.body(long) == nil && answers.body(long) == nil)
    #expect(answers.body([1, 2, 3]) != nil)
    // One that has gone, or was cut off, makes room for one.
    bodies.removeLast()
    let next = answers.body(long)
    #expect(next != nil && answers.body(long) == nil)
  }
}

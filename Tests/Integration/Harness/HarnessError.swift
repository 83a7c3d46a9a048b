/// What the harness itself could not do: a process that did not start, a reply that did not come.
struct HarnessError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

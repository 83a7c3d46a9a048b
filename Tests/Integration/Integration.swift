import Testing

/// The suites that share processes and cores, one test after the other: timing is part of what they
/// check. Each suite is an extension in a file of its own.
@Suite(.serialized) enum Integration {}

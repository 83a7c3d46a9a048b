/// Keywords that can't stand where a name can (kwlist.h).
enum SQLKeywords {
  /// RESERVED_KEYWORD in any of the versions 15 to 18.
  static func isReserved(_ word: String) -> Bool { reserved.contains(word) }

  /// AS_LABEL: no alias of a column unless AS is in front of it.
  static func needsAs(_ word: String) -> Bool { labelled.contains(word) }

  private static let reserved: Set<String> = words(
    """
    all analyse analyze and any array as asc asymmetric both case cast check collate column \
    constraint create current_catalog current_date current_role current_time current_timestamp \
    current_user default deferrable desc distinct do else end except false fetch for foreign from \
    grant group having in initially intersect into lateral leading limit localtime localtimestamp \
    not null offset on only or order placing primary references returning select session_user \
    some symmetric system_user table then to trailing true union unique user using variadic when \
    where window with
    """)

  private static let labelled: Set<String> = words(
    """
    array as char character create day except fetch filter for from grant group having hour \
    intersect into isnull limit minute month notnull offset on order over overlaps precision \
    returning second to union varying where window with within without year
    """)

  private static func words(_ text: String) -> Set<String> {
    Set(text.split(separator: " ").map { String($0) })
  }
}

use super::*;

#[test]
fn patterns_that_are_none_and_that_never_come_are_refused() {
    let now = Stamp(1_767_225_600_000);
    for fine in ["", "0 0 0 * * *", "0 */5 * * * *", "0 0 0 29 2 *", "0 0 0 * * 0", "0 30 3 1 * *"] {
        assert_eq!(check(fine, now), Ok(()), "{fine}");
    }
    for (bad, why) in [("* * * * * *", "six fields"), ("0 0 0 30 2 *", "never comes"), ("0 61 * * * *", "no cron pattern"), ("every day", "six fields"),
        ("0 0 0 * *", "six fields"), ("0 0 0 * * * 2027", "six fields"), ("0 0 0 31 4 *", "never comes")] {
        let said = check(bad, now).unwrap_err();
        assert!(said.contains(why), "{bad}: {said}");
    }
}

#!/usr/bin/env -S awk -f
# Reads what `cargo test --no-fail-fast` printed and names what failed: for each target that has failures a line with
# how cargo selects the target, a tab, and the names of the tests. Ends with 1 where something failed that is no test:
# a build, a program that died.

# A directory holds a target of its name, and a file one of its own.
/^ +Running / {
    target = $2 == "unittests" ? ($3 ~ /main\.rs/ ? "--bins" : "--lib") : $2
    if ($2 != "unittests") {
        sub(/^tests\//, "", target)
        sub(/(\/main)?\.rs$/, "", target)
        target = "--test " target
    }
}
/^ +Doc-tests / { target = "--doc" }
/^test .* \.\.\. FAILED$/ {
    name = $0
    sub(/^test /, "", name)
    sub(/ - should panic/, "", name)
    sub(/ \.\.\. FAILED$/, "", name)
    if (name ~ / /) other = 1
    names[target] = names[target] " " name
    found++
}
/^test result: FAILED\. / { match($0, /[0-9]+ failed/); told += substr($0, RSTART, RLENGTH) + 0 }
/^error/ && !/^error: test failed/ && !/^error: [0-9]+ targets? failed/ && !/^error: doctest failed/ { other = 1 }
END {
    if (!found || found != told || other) exit 1
    for (target in names) printf "%s\t%s\n", target, substr(names[target], 2)
}

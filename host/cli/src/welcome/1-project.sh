# A small project with a check, and its first commit.
git init -q .
git config user.name 'Welcome' && git config user.email 'welcome@localhost'
cat > sum.sh <<'END'
#!/usr/bin/env bash
# Adds up the numbers that are given as arguments.
total=0
for number in "${@:2}"; do
    total=$((total + number))
done
echo "$total"
END
cat > check.sh <<'END'
#!/usr/bin/env bash
result=$(bash sum.sh 1 2 3)
if [ "$result" = 6 ]; then
    echo "ok: 1 + 2 + 3 = $result"
else
    echo "FAILED: 1 + 2 + 3 should be 6 and is $result"
    exit 1
fi
END
git add . && git commit -qm 'A calculator and its check'
git log --oneline --stat

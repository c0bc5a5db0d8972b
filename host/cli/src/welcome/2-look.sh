# Does it work, and if not, where is the bug?
bash check.sh || bash -x sum.sh 1 2 3

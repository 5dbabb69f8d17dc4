# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# commits.sh - make commits in the git repository REPO from files of this repository.
# Sourced after lib.sh.
#
#   read_mail PATCH    the parts of the mail, in $DIR/mail.fields, mail.body and mail.diff
#   mail_field NAME    of the last mail: Author, Email, Subject or Date
#   repo_init PATCH    create REPO; its author and committer are the patch's author
#   repo ARG...        git in REPO, without the user's hooks and signing key

read_mail() {
	git mailinfo "$DIR/mail.body" "$DIR/mail.diff" <"$1" >"$DIR/mail.fields"
}

mail_field() {
	sed -n "s/^$1: //p" "$DIR/mail.fields"
}

repo() {
	git -C "$REPO" -c user.name="$AUTHOR_NAME" -c user.email="$AUTHOR_EMAIL" \
		-c commit.gpgsign=false -c core.hooksPath=/dev/null "$@"
}

repo_init() {
	rm -rf "$REPO"
	git init -q -b main "$REPO"
	read_mail "$1"
	AUTHOR_NAME=$(mail_field Author)
	AUTHOR_EMAIL=$(mail_field Email)
}

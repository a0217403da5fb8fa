# SPDX-License-Identifier: MIT
# options.awk - puts the options of `backplane --help` (first file) into a completion (second file).
FNR == NR {
	if (!match($0, /^  (-[a-zA-Z], )?--[a-z-]+/))
		next
	option = substr($0, RSTART, RLENGTH)
	letter = option ~ /^  -[a-zA-Z],/ ? substr(option, 4, 1) : ""
	sub(/.*--/, "", option)
	text = $0
	sub(/^  [^ ]+( --[^ ]+)? +/, "", text)
	gsub(/'/, "", text)
	plain = text
	gsub(/:/, "\\:", text)
	words = words (words ? " " : "") "--" option
	zsh = zsh (zsh ? "\n" : "") "\t\t'--" option ":" text "'"
	if (letter) {
		words = words " -" letter
		zsh = zsh " '-" letter ":" text "'"
	}
	fish = fish (fish ? "\n" : "") "complete -c backplane -n __fish_use_subcommand -l " option (letter ? " -s " letter : "") " -d '" plain "'"
	next
}
/^@OPTIONS_WITH_TEXT@$/ { print zsh; next }
/^@OPTIONS_FISH@$/ { print fish; next }
{ gsub(/@OPTIONS@/, words); print }

# SPDX-License-Identifier: GPL-2.0
#
# Convert gcov's JSON, one document per object, to the lines of the files whose path
# matches $path:
#   [{ file, lines, covered, missed: [line number] }]
# A line of a header counts as executed if it was in any object.

[inputs | .files[] | select(.file | test($path))
 | (.file | sub(".*/"; "")) as $file
 | .lines[] | { file: $file, line: .line_number, count }]
| group_by(.file)
| map({
	file: .[0].file,
	lines: (group_by(.line) | map({ line: .[0].line, count: (map(.count) | add) }))
  })
| map({
	file,
	lines: (.lines | length),
	covered: (.lines | map(select(.count > 0)) | length),
	missed: (.lines | map(select(.count == 0).line))
  })

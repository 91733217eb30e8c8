// Package image_test checks the Dockerfile: without a container engine by running the lines of its stages as processes, and with
// one (make image-test) by building the image and looking into it.
package image_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// instruction is one of a Dockerfile; text is what follows its name and its flags.
type instruction struct {
	name  string
	flags map[string]string
	text  string
}

// stage is a FROM and what follows it.
type stage struct {
	from  instruction
	steps []instruction
}

// dockerfile reads the Dockerfile. It knows as much of the format as the file uses, and fails for more.
func dockerfile(t *testing.T) []stage {
	t.Helper()
	var stages []stage
	for _, line := range logical(t) {
		i := parse(line)
		switch {
		case i.name == "FROM":
			stages = append(stages, stage{from: i})
		case len(stages) == 0:
			t.Fatalf("before the first FROM: %s", line)
		case !slices.Contains([]string{"ARG", "CMD", "COPY", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL", "RUN", "USER", "WORKDIR"}, i.name):
			t.Fatalf("this test does not know how to run %q", line)
		default:
			last := &stages[len(stages)-1]
			last.steps = append(last.steps, i)
		}
	}
	if len(stages) != 2 {
		t.Fatalf("%d stages", len(stages))
	}
	return stages
}

// logical are the lines without comments, those that go on joined.
func logical(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	var open strings.Builder
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if head, more := strings.CutSuffix(line, `\`); more {
			open.WriteString(head)
			continue
		}
		lines = append(lines, open.String()+line)
		open.Reset()
	}
	return lines
}

func parse(line string) instruction {
	name, rest, _ := strings.Cut(line, " ")
	i := instruction{name: strings.ToUpper(name), flags: map[string]string{}, text: strings.TrimSpace(rest)}
	for strings.HasPrefix(i.text, "--") {
		flag, rest, _ := strings.Cut(i.text, " ")
		name, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		i.flags[name], i.text = value, strings.TrimSpace(rest)
	}
	return i
}

// only is the text of the one instruction of a name.
func (s *stage) only(t *testing.T, name string) instruction {
	t.Helper()
	var found []instruction
	for _, i := range s.steps {
		if i.name == name {
			found = append(found, i)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d instructions %s, want one", len(found), name)
	}
	return found[0]
}

// words are those of an instruction in the JSON form, which needs no shell.
func (i instruction) words(t *testing.T) []string {
	t.Helper()
	var words []string
	if err := json.Unmarshal([]byte(strings.TrimPrefix(i.text, "CMD ")), &words); err != nil {
		t.Fatalf("%s %s needs a shell, and there is none: %v", i.name, i.text, err)
	}
	return words
}

// labels are those of the image, with the values of arguments put in.
func (s *stage) labels(t *testing.T, arguments map[string]string) map[string]string {
	t.Helper()
	labels := map[string]string{}
	for rest := s.only(t, "LABEL").text; rest != ""; {
		name, after, _ := strings.Cut(rest, `="`)
		value, more, ok := strings.Cut(after, `"`)
		if !ok {
			t.Fatalf("LABEL: %q is not NAME=\"VALUE\"", rest)
		}
		labels[name] = os.Expand(value, func(variable string) string {
			if !slices.ContainsFunc(s.steps, func(i instruction) bool { return i.name == "ARG" && strings.HasPrefix(i.text+"=", variable+"=") }) {
				t.Errorf("the label %s has $%s, which is no argument of its stage", name, variable)
			}
			return arguments[variable]
		})
		rest = strings.TrimSpace(more)
	}
	return labels
}

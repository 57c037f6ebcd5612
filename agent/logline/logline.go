// Package logline writes log records in the one-line JSON shape of Azure Arc's agents, which guides
// and the doctor search for. It is the only place that knows that shape: call sites log as everywhere.
package logline

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Phrase is the key of an attribute that takes the place of the message: a sentence that guides quote.
const Phrase = "phrase"

// Identity says who logs, for which connected cluster.
type Identity struct {
	Agent, Version, ArmID, Region string
}

// Handler is a slog.Handler. Its zero value is not usable; see New.
type Handler struct {
	out      *output
	level    slog.Leveler
	identity Identity
	prefix   string // rendered attributes
	group    string
	phrase   string
}

// output lets handlers that were derived from one another share a writer.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

// New returns a handler that writes to w what is at least as severe as level.
func New(w io.Writer, level slog.Leveler, identity Identity) *Handler {
	return &Handler{out: &output{w: w}, level: level, identity: identity}
}

// As returns a handler for another agent of the same process.
func (h *Handler) As(agent string) *Handler {
	other := *h
	other.identity.Agent = agent
	return &other
}

// line is the guides' shape, in the guides' order.
type line struct {
	Message        string `json:"Message"`
	LogType        string `json:"LogType"`
	LogLevel       string `json:"LogLevel"`
	Environment    string `json:"Environment"`
	Role           string `json:"Role"`
	Location       string `json:"Location"`
	ArmID          string `json:"ArmId"`
	CorrelationID  string `json:"CorrelationId"`
	AgentName      string `json:"AgentName"`
	AgentVersion   string `json:"AgentVersion"`
	AgentTimestamp string `json:"AgentTimestamp"`
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level.Level() }

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, record slog.Record) error {
	message, phrase := strings.Builder{}, h.phrase
	record.Attrs(func(attr slog.Attr) bool {
		if attr.Key == Phrase {
			phrase = attr.Value.Resolve().String()
		} else {
			render(&message, h.group, attr)
		}
		return true
	})
	text := phrase
	if text == "" {
		text = record.Message
	}
	return h.write(line{
		Message: text + h.prefix + message.String(), LogType: "ConfigAgentTrace", LogLevel: levelName(record.Level),
		Environment: "prod", Role: "ClusterConfigAgent", Location: h.identity.Region, ArmID: h.identity.ArmID,
		CorrelationID: Correlation(ctx), AgentName: title(h.identity.Agent), AgentVersion: h.identity.Version,
		AgentTimestamp: record.Time.UTC().Format("2006/01/02 15:04:05.000"),
	})
}

func (h *Handler) write(l line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err = h.out.w.Write(append(text, '\n'))
	return err
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	other, text := *h, strings.Builder{}
	for _, attr := range attrs {
		if attr.Key == Phrase {
			other.phrase = attr.Value.Resolve().String()
			continue
		}
		render(&text, h.group, attr)
	}
	other.prefix += text.String()
	return &other
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	other := *h
	if name != "" {
		other.group += name + "."
	}
	return &other
}

// render writes an attribute after the sentence, as the original's agents do: key {value}.
func render(text *strings.Builder, group string, attr slog.Attr) {
	value := attr.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if attr.Key != "" {
			group += attr.Key + "."
		}
		for _, inner := range value.Group() {
			render(text, group, inner)
		}
		return
	}
	if attr.Equal(slog.Attr{}) {
		return
	}
	text.WriteString(", " + group + attr.Key + " {" + valueText(value) + "}")
}

func valueText(value slog.Value) string {
	if value.Kind() == slog.KindTime {
		return value.Time().UTC().Format(time.RFC3339)
	}
	return value.String()
}

func levelName(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "Error"
	case level >= slog.LevelWarn:
		return "Warning"
	case level >= slog.LevelInfo:
		return "Information"
	default:
		return "Verbose"
	}
}

// title turns config-agent into ConfigAgent, the spelling of logs.
func title(agent string) string {
	if agent == "clusteridentityoperator" {
		return "ClusterIdentityOperator"
	}
	var text strings.Builder
	for word := range strings.SplitSeq(agent, "-") {
		if word != "" {
			text.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return text.String()
}

type correlationKey struct{}

// WithCorrelation returns a context whose log lines carry the id of a request.
func WithCorrelation(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}

// Correlation returns the id of the request that a context belongs to, if any.
func Correlation(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}

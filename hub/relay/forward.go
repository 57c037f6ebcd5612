package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/tunnel"
)

// maxAttempts is how often a request is tried whose tunnel ends, or whose caller the cluster does not know yet.
const maxAttempts = 3

func (s *Server) prepare() {
	s.proxy = &httputil.ReverseProxy{
		Transport: s, BufferPool: tunnel.Buffers{}, FlushInterval: -1, ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		Rewrite: rewrite, ModifyResponse: s.answered, ErrorHandler: s.failed,
	}
}

// forward sends a request on and its answer back, and has both written down.
func (s *Server) forward(w http.ResponseWriter, r *http.Request, c *call) {
	c.request = c.describe(r, w.Header(), s.Now())
	ctx, cancel := context.WithCancelCause(context.WithValue(r.Context(), callKey{}, c))
	defer cancel(nil)
	c.control, c.cancel = http.NewResponseController(w), cancel
	end, err := s.written(ctx, c)
	if err != nil {
		s.counted.result(resultOf(err))
		s.refuse(w, r, err)
		return
	}
	leave := s.open.enter(c)
	defer func() { // the proxy panics when an answer breaks off
		leave()
		ending := c.over()
		s.counted.ended(ending)
		end(ending)
	}()
	// A request may take as long as it needs: a watch, a file of gigabytes. Both fail on connections that have no deadlines.
	_ = c.control.SetReadDeadline(time.Time{})
	_ = c.control.SetWriteDeadline(time.Time{})
	if plain(r) {
		s.pass(ctx, w, r, c)
		return
	}
	s.proxy.ServeHTTP(w, r.WithContext(ctx))
}

func (s *Server) written(ctx context.Context, c *call) (func(Ending), error) {
	if s.Audit == nil {
		return func(Ending) {}, nil
	}
	return s.Audit.Begin(ctx, c.request)
}

// rewrite makes a caller's request one for the API server.
func rewrite(r *httputil.ProxyRequest) {
	c := callOf(r.In.Context())
	c.to.goTo(r.Out.URL, caller.KubernetesHost, r.In.URL.RawQuery)
	r.Out.Host = caller.KubernetesHost
	strip(r.Out.Header, c.who.mode)
	r.Out.Header.Set(caller.RequestHeader, c.request.ID)
}

// RoundTrip sends a request through a tunnel of its cluster, once the cluster knows whose it is. It is the proxy's transport.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	c := callOf(r.Context())
	from, err := bodyOf(r, &c.in)
	if err != nil {
		return nil, err
	}
	for left := maxAttempts - 1; ; left-- {
		out := r
		if left < maxAttempts-1 { // what was sent may be in use still
			out = r.Clone(r.Context())
		}
		answer, on, err := s.attempt(out, c, from)
		if left == 0 || !from.takeBack() || !again(r, answer, on, err) {
			return answer, s.told(r.Context(), answer, err)
		}
		if answer != nil {
			_ = answer.Body.Close() // it is not what the caller waits for
		}
	}
}

// sent is what an attempt went by.
type sent struct {
	link      *link
	statement *statement
}

func (s *Server) attempt(r *http.Request, c *call, from *body) (*http.Response, sent, error) {
	on, err := s.linkTo(c)
	if err != nil {
		return nil, sent{}, err
	}
	said, err := s.introduce(r.Context(), c, on)
	if err != nil {
		return nil, sent{link: on}, err
	}
	c.introduced.Store(true)
	r.Header[caller.Header] = []string{said.id}
	r.Body = from.lend()
	answer, err := on.client.RoundTrip(r)
	return answer, sent{on, said}, err
}

func (s *Server) linkTo(c *call) (*link, error) {
	on, held := s.links.pick(c.cluster)
	switch {
	case on != nil:
		c.on.Store(on)
		return on, nil
	case held:
		return nil, fairlead.Errorf(fairlead.TooManyRequests, "the tunnel to the cluster carries as many requests as it can; try again")
	}
	return nil, s.noAgent(c)
}

// introduce makes sure that the cluster knows who calls.
func (s *Server) introduce(ctx context.Context, c *call, on *link) (*statement, error) {
	for at := c.at; ; {
		said, err := s.state(ctx, at, c.who, c.cluster.Key)
		if err != nil {
			return nil, err
		}
		if err = on.tell(ctx, c.speaker(), said); !errors.Is(err, errOutdated) {
			return said, err
		}
		if at, err = s.Store.Revisions(ctx); err != nil {
			return nil, err
		}
	}
}

// again reports whether a request that was not answered by the API server may be sent once more. What it was sent by is told
// that it knows nothing of the caller, if that was the reason.
func again(r *http.Request, answer *http.Response, by sent, err error) bool {
	switch {
	case r.Context().Err() != nil || by.link == nil:
		return false
	case errors.Is(err, tunnel.ErrUnavailable):
		return true // it was not sent
	case err != nil:
		return by.link.ended() && (r.Method == http.MethodGet || r.Method == http.MethodHead)
	case answer.Header.Get(caller.ReasonHeader) != caller.ReasonUnknownCaller:
		return false
	}
	by.link.forget(callOf(r.Context()).speaker(), by.statement.id)
	return true
}

// told turns the one refusal of kube-aad-proxy that is none of the caller's business into one to come again after.
func (s *Server) told(ctx context.Context, answer *http.Response, err error) error {
	if err != nil || answer.Header.Get(caller.ReasonHeader) != caller.ReasonUnknownCaller || ctx.Err() != nil {
		return err
	}
	_ = answer.Body.Close() // it is replaced
	return &refusal{error: fairlead.Errorf(fairlead.Unavailable, "what the hub says of you to the cluster is changing just now; try again"), retry: 1}
}

// answered prepares an answer for the caller.
func (s *Server) answered(answer *http.Response) error {
	c := callOf(answer.Request.Context())
	reason := answer.Header.Get(caller.ReasonHeader)
	c.went(answer.StatusCode, reason)
	protocols := answer.Header.Get("Sec-Websocket-Protocol")
	stripAnswer(answer.Header)
	if reason != "" && answer.StatusCode >= http.StatusBadRequest && discovers(answer.Request) {
		reworded(answer)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		answer.Body = &answerBody{answer.Body, c}
		s.letSpeak(answer, c)
		return nil
	}
	both, ok := answer.Body.(io.ReadWriteCloser)
	if !ok {
		return errors.New("the upgraded stream cannot be written to")
	}
	var counting io.ReadWriteCloser = newStream(both, c)
	if s.Recorder != nil {
		session := Session{c.request, answer.Header.Get("Upgrade"), cmp.Or(protocols, answer.Header.Get("X-Stream-Protocol-Version"))}
		recorded, err := s.Recorder.Record(answer.Request.Context(), session, counting)
		if err != nil {
			return fmt.Errorf("record the session: %w", err)
		}
		counting = recorded
	}
	answer.Body = counting
	return nil
}

// failed answers a request that has no answer.
func (s *Server) failed(w http.ResponseWriter, r *http.Request, err error) {
	c := callOf(r.Context())
	why := cutFor(r.Context())
	_, known := errors.AsType[*fairlead.Error](err)
	switch {
	case why != nil:
		err = why
	case r.Context().Err() != nil:
		err = fairlead.Errorf(fairlead.Invalid, "the request was given up")
	case !known:
		s.Log.InfoContext(r.Context(), "a request for a cluster broke off", slog.String("cluster", c.cluster.Key), slog.Any("err", err))
		err = fairlead.Errorf(fairlead.Unavailable, "the tunnel to the cluster broke while the request was under way: whether it was carried out is not known")
	}
	made := s.statusOf(r, err)
	c.went(made.Code, made.Reason)
	s.refuse(w, r, err)
}

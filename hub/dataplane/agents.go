package dataplane

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/identity"
	"github.com/fairlead/fairlead/hub/reply"
)

const (
	maxCertificateBody = 16 << 10
	// When to ask again for a certificate, in seconds, if too many do.
	retryIssuing = "5"
	// A status post may speak of so many configurations.
	maxStatuses = 1000
	// A text that a cluster says of itself is kept up to this length.
	maxText = 1024
)

// certificate is the one operation that is proved by the onboarding key.
func (s *Server) certificate(w http.ResponseWriter, r *http.Request, id fairlead.ResourceID) {
	answer, err := s.issue(w, r, id)
	if err != nil {
		if fairlead.KindOf(err) == fairlead.Unavailable {
			w.Header().Set("Retry-After", retryIssuing)
		}
		s.fail(w, r, err)
		return
	}
	s.Log.InfoContext(r.Context(), "certificate issued", slog.String("cluster", id.Key()), slog.Time("not_after", answer.NotAfter))
	reply.JSON(w, http.StatusOK, answer)
}

func (s *Server) issue(w http.ResponseWriter, r *http.Request, id fairlead.ResourceID) (fairlead.CertificateResponse, error) {
	body, err := reply.Body(w, r, maxCertificateBody)
	if err != nil {
		return fairlead.CertificateResponse{}, err
	}
	release, err := s.certificates.take(r.Context())
	if err != nil {
		return fairlead.CertificateResponse{}, err
	}
	defer release()
	answer, err := s.Identity.Issue(r, body, id)
	if err != nil {
		return fairlead.CertificateResponse{}, err
	}
	answer.Trust = s.trust()
	s.Presence.CertificateIssued(id.Key(), answer.NotAfter)
	return answer, nil
}

func (s *Server) heartbeat(ctx context.Context, from identity.Cluster, body []byte) (any, error) {
	var beat fairlead.Heartbeat
	if err := decode(body, &beat); err != nil {
		return nil, err
	}
	if beat.Metadata != nil {
		if err := checkMetadata(beat); err != nil {
			return nil, err
		}
		s.Presence.Metadata(from.Key, beat.MetadataHash, *beat.Metadata)
	}
	s.Presence.Trusts(from.Key, beat.TrustGeneration)
	warning, err := s.origin(ctx, from, beat.Origin)
	if err != nil {
		return nil, err
	}
	known := s.Presence.View(from.Key)
	return fairlead.HeartbeatResponse{
		Warning:         warning,
		IntervalSeconds: int(s.Presence.Interval(from.Key) / time.Second),
		SendMetadata:    known.Metadata == nil || known.MetadataHash != beat.MetadataHash,
	}, nil
}

func checkMetadata(beat fairlead.Heartbeat) error {
	m := beat.Metadata
	texts := []string{
		beat.MetadataHash, m.KubernetesVersion, m.Distribution, m.DistributionVersion, m.Infrastructure, m.AgentVersion, m.ClusterConnect, m.AzureRBAC,
	}
	for _, text := range texts {
		if len(text) > maxText {
			return fairlead.Errorf(fairlead.Invalid, "a text in the metadata is longer than %d bytes", maxText)
		}
	}
	if m.TotalNodeCount < 0 || m.TotalCoreCount < 0 {
		return fairlead.Errorf(fairlead.Invalid, "a cluster cannot have fewer than no nodes or cores")
	}
	return nil
}

func (s *Server) configStatuses(ctx context.Context, from identity.Cluster, body []byte) (any, error) {
	var statuses []fairlead.ConfigurationStatus
	if err := decode(body, &statuses); err != nil {
		return nil, err
	}
	if len(statuses) > maxStatuses {
		return nil, fairlead.Errorf(fairlead.TooLarge, "a post may hold %d statuses", maxStatuses)
	}
	for _, status := range statuses {
		if !status.Applied {
			s.Log.WarnContext(ctx, "cluster could not apply a configuration", slog.String("cluster", from.Key),
				slog.String("kind", shorten(status.Kind)), slog.String("name", shorten(status.Name)), slog.String("reason", shorten(status.Message)))
		}
	}
	s.Presence.Configurations(from.Key, statuses)
	return struct{}{}, nil
}

func (s *Server) agentStatus(_ context.Context, from identity.Cluster, body []byte) (any, error) {
	var status fairlead.AgentStatus
	if err := decode(body, &status); err != nil {
		return nil, err
	}
	if status.State != "Succeeded" && status.State != "Failed" {
		return nil, fairlead.Errorf(fairlead.Invalid, "the agent state is Succeeded or Failed, not %.20q", status.State)
	}
	s.Presence.AgentStatus(from.Key, status)
	return struct{}{}, nil
}

func decode(body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return fairlead.Errorf(fairlead.Invalid, "the request body is not the JSON expected here: %w", err).WithCode("InvalidRequestContent")
	}
	return nil
}

func shorten(text string) string {
	if len(text) > maxText {
		return text[:maxText]
	}
	return text
}

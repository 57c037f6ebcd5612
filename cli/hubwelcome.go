package cli

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"github.com/fairlead/fairlead/hub"
)

// greet says that the hub is there. Where logs are for collectors, that is one more record among them. The
// secret of an administrator without a credential file is never part of a log: it is shown, as text.
func greet(ctx context.Context, config hub.Config, streams Streams, welcome hub.Welcome) error {
	if config.LogFormat != "json" {
		return writeWelcome(streams.Out, welcome)
	}
	config.Log.LogAttrs(ctx, slog.LevelInfo, "hub is ready", welcomed(welcome)...)
	if welcome.Administrator == nil || welcome.Administrator.File != "" {
		return nil
	}
	var text strings.Builder
	writeAdministrator(&text, welcome, welcome.Administrator)
	_, err := io.WriteString(streams.Out, text.String()+"\n")
	return err
}

func welcomed(welcome hub.Welcome) []slog.Attr {
	said := []slog.Attr{slog.String("url", welcome.URL), slog.String("tenant", welcome.TenantID)}
	if welcome.CAFile != "" {
		said = append(said, slog.String("authority", welcome.CAFile), slog.String("fingerprint", welcome.Fingerprint))
	}
	if administrator := welcome.Administrator; administrator != nil {
		said = append(said, slog.String("application", administrator.AppID))
		if administrator.File != "" {
			said = append(said, slog.String("credential", administrator.File))
		}
	}
	return said
}

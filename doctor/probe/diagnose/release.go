package diagnose

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor/probe/precheck"
)

// maxRelease bounds a release unpacked; a Secret holds one megabyte of it packed.
const maxRelease = 32 << 20

// secretList is what is read of the Secrets in which Helm keeps its releases.
type secretList struct {
	Items []struct {
		Data struct {
			Release []byte `json:"release"`
		} `json:"data"`
	} `json:"items"`
}

// text is a value that helm --set may have made a number or a boolean of.
type text string

// UnmarshalJSON takes any scalar as it is written.
func (t *text) UnmarshalJSON(raw []byte) error {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return err
	}
	switch value.(type) {
	case string, bool, float64:
		*t = text(fmt.Sprint(value))
	}
	return nil
}

// release is what is read of the agents' release: what its installer told it.
type release struct {
	Config struct {
		Global struct {
			HTTPSProxy     text `json:"httpsProxy"`
			HTTPProxy      text `json:"httpProxy"`
			NoProxy        text `json:"noProxy"`
			ProxyCert      text `json:"proxyCert"`
			IsProxyEnabled text `json:"isProxyEnabled"`
			HubCA          text `json:"hubCA"` //nolint:tagliatelle // the name of the value in the chart
		} `json:"global"`
		System struct {
			Agents struct {
				DataPlane text `json:"config_dp_endpoint_override"` //nolint:tagliatelle // the original's
			} `json:"azureArcAgents"`
			Image struct {
				Repository text `json:"repository"`
			} `json:"image"`
		} `json:"systemDefaultValues"`
	} `json:"config"`
}

// readRelease finds the release that is deployed.
func readRelease(ctx context.Context, api precheck.Getter, namespace string) (release, error) {
	selector := url.QueryEscape("owner=helm,status=deployed,name=" + fairlead.ReleaseName)
	path := "/api/v1/namespaces/" + url.PathEscape(namespace) + "/secrets?labelSelector=" + selector
	var found secretList
	if err := api.Get(ctx, path, "application/json", &found); err != nil {
		return release{}, fmt.Errorf("read release %s: %w", fairlead.ReleaseName, err)
	}
	if len(found.Items) == 0 {
		return release{}, fmt.Errorf("there is no release %s in namespace %s", fairlead.ReleaseName, namespace)
	}
	return decode(found.Items[len(found.Items)-1].Data.Release)
}

// decode reads a release as Helm writes it: JSON, zipped, in base64.
func decode(packed []byte) (release, error) {
	zipped, err := base64.StdEncoding.DecodeString(string(packed))
	if err != nil {
		return release{}, errors.New("the release is not in base64")
	}
	reader, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return release{}, errors.New("the release is not zipped")
	}
	plain, err := io.ReadAll(io.LimitReader(reader, maxRelease))
	if err != nil {
		return release{}, errors.New("the release cannot be unzipped")
	}
	var found release
	if err := json.Unmarshal(plain, &found); err != nil {
		return release{}, errors.New("the release is no JSON") // the reason could quote a value
	}
	return found, nil
}

// settings are the endpoints that the agents of the release need, and the way there.
func (r release) settings() precheck.Settings {
	global, system := r.Config.Global, r.Config.System
	var s precheck.Settings
	if system.Agents.DataPlane != "" {
		s.Onboarding = append(s.Onboarding, strings.TrimSuffix(string(system.Agents.DataPlane), "/")+"/healthz")
	}
	if system.Image.Repository != "" {
		s.Onboarding = append(s.Onboarding, "https://"+string(system.Image.Repository)+"/v2/")
	}
	s.CAs = precheck.Authorities(pemOf(string(global.HubCA)), string(global.ProxyCert))
	if !strings.EqualFold(string(global.IsProxyEnabled), "false") {
		s.Proxy = precheck.Proxy{HTTP: string(global.HTTPProxy), HTTPS: string(global.HTTPSProxy), None: string(global.NoProxy)}
	}
	return s
}

// pemOf takes what the chart takes: PEM, or PEM in base64.
func pemOf(value string) string {
	if decoded, err := base64.StdEncoding.DecodeString(value); err == nil {
		return string(decoded)
	}
	return value
}

"""The order that Asterisk 22 gives the fields in manager events that list objects; some clients go by position."""

from __future__ import annotations

from collections.abc import Iterable

_ORDERS = {
    "endpoint": (
        "RpidImmediate Webrtc Ignore183WithoutSdp SendAoc DeviceStateBusyAt T38UdptlMaxdatagram "
        "CodecPrefsIncomingAnswer SecurityNegotiation DtlsRekey RtpPortEnd NamedPickupGroup DirectMediaMethod "
        "SendRpid PickupGroup SdpSession DtlsVerify MessageContext Tenantid Mailboxes RecordOnFeature DtlsPrivateKey "
        "DtlsFingerprint OverlapContext OutgoingCallOfferPref RtpPortStart FromDomain TimersSessExpires "
        "NamedCallGroup DtlsCipher MediaEncryptionOptimistic SuppressQ850ReasonHeaders Aors IdentifyBy "
        "CalleridPrivacy MwiSubscribeReplacesUnsolicited CosAudio FollowEarlyMediaFork Context RtpSymmetric Transport "
        "MohSuggest T38Udptl FaxDetect T38BindUdptlToMediaAddress TosVideo SrtpTag32 ReferBlindProgress "
        "MaxAudioStreams Bundle UseAvpf CallGroup SendConnectedLine FaxDetectTimeout SdpOwner ForceRport CalleridTag "
        "RtpTimeoutHold SuppressMohOnSendonly UsePtime MediaAddress VoicemailExtension RtpTimeout StirShaken SetVar "
        "ContactAcl PreferredCodecOnly GeolocOutgoingCallProfile ForceAvp RecordOffFeature FromUser SendDiversion "
        "SendHistoryInfo T38UdptlIpv6 ToneZone Language AllowSubscribe RtpIpv6 Callerid MohPassthrough CosVideo "
        "DtlsAutoGenerateCert AsymmetricRtpCodec GeolocIncomingCallProfile IceSupport AggregateMwi OneTouchRecording "
        "MwiFromUser RedirectMethod Accountcode CodecPrefsOutgoingAnswer Allow RewriteContact UserEqPhone RtpEngine "
        "FollowRedirectMethods SubscribeContext NotifyEarlyInuseRinging IncomingMwiMailbox IncomingCallOfferPref "
        "AllowUnauthenticatedOptions Auth DirectMediaGlareMitigation TrustIdInbound StirShakenProfile "
        "BindRtpToMediaAddress DisableDirectMediaOnNat MediaEncryption MediaUseReceivedTransport AllowOverlap "
        "DtmfMode OutboundAuth TosAudio DtlsCertFile DtlsCaPath DtlsSetup ConnectedLineMethod G726NonStandard 100rel "
        "Timers DirectMedia Acl TimersMinSe TrustIdOutbound SubMinExpiry RtcpMux MaxVideoStreams "
        "AcceptMultipleSdpAnswers CodecPrefsIncomingOffer CodecPrefsOutgoingOffer TrustConnectedLine SendPai "
        "RtpKeepalive T38UdptlEc T38UdptlNat AllowTransfer DtlsCaFile OutboundProxy InbandProgress"
    ),
    "aor": (
        "MinimumExpiration DefaultExpiration QualifyTimeout Qualify2xxOnly Mailboxes SupportPath RemoveUnavailable "
        "VoicemailExtension MaxContacts AuthenticateQualify Contact MaximumExpiration QualifyFrequency RemoveExisting "
        "OutboundProxy"
    ),
    "auth": (
        "OauthSecret PasswordDigest SupportedAlgorithmsUas RefreshToken Username Md5Cred Realm AuthType Password "
        "SupportedAlgorithmsUac NonceLifetime OauthClientid"
    ),
    "transport": (
        "WebsocketWriteTimeout Cos TcpKeepaliveEnable Protocol SymmetricTransport Domain VerifyServer LocalNet Bind "
        "AllowWildcardCerts TcpKeepaliveIntervalTime AsyncOperations ExternalMediaAddress Method "
        "ExternalSignalingAddress RequireClientCert TcpKeepaliveIdleTime Tos CaListPath Cipher CertFile "
        "ExternalSignalingPort Password AllowReload VerifyClient TcpKeepaliveProbeCount PrivKeyFile CaListFile"
    ),
    "identify": ("Match MatchRequestUri SrvLookups Endpoint MatchHeader"),
    "contact": (
        "ViaAddr QualifyTimeout Qualify2xxOnly CallId RegServer PruneOnBoot Path Endpoint ViaPort AuthenticateQualify "
        "Uri QualifyFrequency UserAgent ExpirationTime OutboundProxy"
    ),
    "registration": (
        "MaxRetries ClientUri SecurityNegotiation AuthRejectionPermanent ServerUri MaxRandomInitialDelay SupportPath "
        "RetryInterval ContactHeaderParams Expiration Transport Line ContactUser Endpoint UserAgent "
        "ForbiddenRetryInterval OutboundAuth OutboundProxy FatalRetryInterval SupportOutbound"
    ),
}
_PLACES = {kind: {name: place for place, name in enumerate(names.split())} for kind, names in _ORDERS.items()}


def in_asterisk_order(kind: str, fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The fields of an object of a type, sorted as Asterisk 22 does; those that it does not have come last."""
    places = _PLACES.get(kind, {})
    return sorted(fields, key=lambda field: places.get(field[0], len(places)))

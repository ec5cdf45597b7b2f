{#- How beacon_score weighs evidence: natural log odds, added up. docs/decisions/evidence_not_vetoes.md says where the numbers come from. -#}

{% macro start_evidence() %}
    {#- Before anything is known: one beat among 55 that random traffic hardly makes is an implant's. -#}
    -4.0D
{%- endmacro %}


{% macro timing_evidence() %}
    {#- No more than chance makes: nothing. A beat: 5.5, and up to 2.5 for how far it is above chance. -#}
    if(timing_margin > 0, 5.5D + 2.5D * timing_margin, 0D)
{%- endmacro %}


{% macro size_evidence() %}
    {#-
        Constant sizes speak for an implant that idles. Sizes that vary speak against a connection as far as its clock looks like that of software, or
        both its requests and answers are of all sizes, as of a mailbox; implants pad, so elsewhere they hardly do. Unknown sizes say nothing.
    -#}
    case
        when size_score is null then 0D
        when size_score >= 0.9 then 1D
        else - {{ var('size_weight') }} * least(1, greatest(0, (0.85D - size_score) / 0.2D)) * greatest(
            0.3D,
            6D * least(1, timer_likeness / 0.4D),
            coalesce(3.5D * least(1, (received_size_spread - 3) / 3) * least(1, greatest(0, (0.5D - size_score) / 0.2D)), 0)
        )
    end
{%- endmacro %}


{% macro known_evidence() %}
    {#- A destination that a third of the sources reached on all days of the history is a service: -4. -#}
    - {{ var('rarity_weight') }} * 12D * known_share
{%- endmacro %}


{% macro new_evidence() %}
    {#- Nobody reached the destination before the day. -#}
    if(is_new_destination, 1D, 0D)
{%- endmacro %}


{% macro signed(log_odds) %}
    {#- Log odds with their sign and one decimal, such as +2.5. -#}
    concat(if({{ log_odds }} < 0, '−', '+'), {{ one_decimal('abs(' ~ log_odds ~ ')') }})
{%- endmacro %}
